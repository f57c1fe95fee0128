import { readFileSync } from 'node:fs'
import { BingoError } from '../../model/errors.ts'
import { BadEncoding, decodeUtf8 } from '../../model/small-file.ts'
import type { TableDef } from '../../model/table/table.ts'
import { tablesOfDump } from '../../sources/mysql/schema/schema-dump.ts'

const HINT = 'Create one: mysqldump --no-data --databases shop > schema.sql'

/** `--schema FILE`: the tables of a dump without data. Throws BINGO_SCHEMA_FILE. */
export function readSchemaFile(path: string): readonly TableDef[] {
  const tables = tablesOfDump(textOf(path))
  const nameless = tables.find(({ schema }) => schema === '')
  if (tables.length === 0) throw invalid(`${path} has no CREATE TABLE statement`)
  if (nameless === undefined) return tables
  throw new BingoError('BINGO_SCHEMA_FILE', `${path} does not name the database of table ${nameless.name}`, {
    hint: 'Dump with --databases, or add USE your_database; at the top.',
  })
}

function textOf(path: string): string {
  try {
    return decodeUtf8(readFileSync(path))
  } catch (cause) {
    const place = cause instanceof BadEncoding ? ` (line ${cause.line}, column ${cause.column})` : ''
    throw invalid(`${path} cannot be read: ${(cause as Error).message}${place}`, cause)
  }
}

function invalid(message: string, cause?: unknown): BingoError {
  return new BingoError('BINGO_SCHEMA_FILE', message, { hint: HINT, cause })
}
