import type { SchemaResolver, WireTable } from '../../../model/source/binlog-stream.ts'
import type { TableDef } from '../../../model/table/table.ts'
import { buildTable, schemaUnknown } from './build-table.ts'
import { tableOfDeclaration } from './declared-table.ts'
import { columnEffect } from './column-effect.ts'
import { type CreatedTable, readCreateTable } from './create-table.ts'
import { revealTable } from './reveal-table.ts'

/** What a server since 8.0 uses where the dump does not say. */
const DEFAULT_CHARSET = 'utf8mb4'

/**
 * Names columns from the CREATE TABLE statements of a dump (`mysqldump --no-data`), for reading binlog files without a
 * server. Each table is held against the events, so a dump of another time is refused where types, lengths or
 * nullability differ (BINGO_SCHEMA_UNKNOWN). Behind an ALTER or RENAME in the binlog the table's columns are refused.
 * What cannot be seen is a dump made after an ALTER that left the shape alone: take the dump of the time of the files.
 */
export function schemaFromDump(sql: string): SchemaResolver {
  return new DumpResolver(sql)
}

class DumpResolver implements SchemaResolver {
  readonly #tables = new Map<string, CreatedTable>()
  readonly #changed = new Set<string>()

  constructor(sql: string) {
    for (const table of createdTables(sql, '')) this.#tables.set(keyOf(table.schema, table.name), table)
  }

  resolve(wire: WireTable): TableDef {
    const key = keyOf(wire.schema, wire.name)
    const table = this.#table(wire)
    if (!table) throw schemaUnknown(wire, 'the dump has no CREATE TABLE for it')
    if (this.#changed.has(key)) throw schemaUnknown(wire, 'an ALTER TABLE in these binlogs changes it')
    return buildTable(wire, table)
  }

  /** Files with full metadata need no dump; where it has the table, it tells what they do not (MariaDB). */
  enrich(table: TableDef): TableDef {
    const declared = this.#table(table)
    if (declared === undefined || this.#changed.has(keyOf(table.schema, table.name))) return table
    const { table: revealed, doubts } = revealTable(table, { declared, later: [] }, Infinity)
    return doubts.length > 0 ? table : revealed
  }

  /** A dump of one database does not say which. */
  #table({ schema, name }: { readonly schema: string; readonly name: string }): CreatedTable | undefined {
    return this.#tables.get(keyOf(schema, name)) ?? this.#tables.get(keyOf('', name))
  }

  invalidate(statement: Parameters<SchemaResolver['invalidate']>[0]): void {
    // A CREATE makes what the dump shows, and after a DROP there is nothing to read until then.
    if (columnEffect(statement).tag === 'kept' || /^\s*(create|drop)\s+(or\s+replace\s+)?table\b/i.test(statement.sql))
      return
    for (const { schema, table } of statement.tables) this.#changed.add(keyOf(schema, table))
  }
}

/** The tables of a dump, for checks of rules. The schema is that of USE, else of the comment that mysqldump puts on top. */
export function tablesOfDump(sql: string): TableDef[] {
  const flavour = /^(-- |\/\*M?!.*)MariaDB dump|MariaDB/im.test(sql.slice(0, 2_000)) ? 'mariadb' : 'mysql'
  const named = /^-- Host: .*\bDatabase: *(\S+) *$/m.exec(sql)?.[1] ?? ''
  const [, major = '0', minor = '0'] = /^-- Server version\s+(\d+)\.(\d+)/m.exec(sql) ?? []
  const release = Number(major) * 100 + Number(minor)
  return createdTables(sql, named).map((table) => tableOfDeclaration(table, table.schema, { flavour, release }))
}

function createdTables(sql: string, first: string): CreatedTable[] {
  let schema = first
  return splitStatements(sql).flatMap((statement) => {
    const use = /^USE\s+`?((?:[^`;]|``)+?)`?\s*$/i.exec(statement)
    if (use) schema = use[1]!.replaceAll('``', '`')
    const table = readCreateTable(statement, DEFAULT_CHARSET)
    return table === null ? [] : [{ ...table, schema: table.schema || schema }]
  })
}

function keyOf(schema: string, table: string): string {
  return `${schema}\0${table}`
}

/** Statements without comments at their head; semicolons in strings, names and comments do not count. */
function splitStatements(sql: string): string[] {
  const pattern =
    /'(?:[^'\\]|''|\\[^])*'|"(?:[^"\\]|""|\\[^])*"|`(?:[^`]|``)*`|--(?=\s|$)[^\n]*|#[^\n]*|\/\*[^]*?\*\/|;|[^'"`;/#-]+|[^]/g
  const statements: string[] = []
  let current = ''
  for (const [token] of sql.matchAll(pattern)) {
    if (token === ';') {
      statements.push(current.trim())
      current = ''
    } else if (!/^(--|#)/.test(token)) current += token
  }
  statements.push(current.trim())
  return statements.filter((statement) => statement !== '')
}
