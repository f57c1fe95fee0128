import { EventType } from './event-types.ts'
import { uncompressed } from './mariadb-compression.ts'
import { isStatement, readQuery } from './query-event.ts'
import type { QueryParts } from './query-event.ts'
import { readStatement } from '../core/sql/statement.ts'
import type { Statement } from '../core/sql/statement.ts'

const BEGIN: Statement = { tag: 'begin' }
const COMMIT: Statement = { tag: 'commit' }

/** What a QUERY event with this body says. The two statements around every transaction are told without decoding. */
export function readQueryStatement(type: number, buffer: Buffer, start: number, end: number): Statement {
  const parts = readQuery(buffer, start, end)
  if (type === EventType.MARIADB_QUERY_COMPRESSED) {
    const sql = uncompressed(buffer, parts.sqlStart, end)
    return readStatement(sql.toString('utf8'), schemaOf(buffer, parts))
  }
  if (isStatement(buffer, parts, 'BEGIN')) return BEGIN
  if (isStatement(buffer, parts, 'COMMIT')) return COMMIT
  return readStatement(buffer.toString('utf8', parts.sqlStart, parts.sqlEnd), schemaOf(buffer, parts))
}

function schemaOf(buffer: Buffer, { schemaStart, schemaEnd }: QueryParts): string {
  return buffer.toString('utf8', schemaStart, schemaEnd)
}
