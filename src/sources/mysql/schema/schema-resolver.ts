import type { DdlStatement, SchemaResolver, WireTable } from '../../../model/binlog-stream.ts'
import { ColumnType } from '../../../model/column-type.ts'
import type { ColumnDef, TableDef } from '../../../model/table.ts'
import { binlogEnd } from '../server/binlog-status.ts'
import { buildTable, schemaUnknown } from './build-table.ts'
import type { ControlConnection } from '../server/control-connection.ts'
import { DdlAhead } from './ddl-ahead.ts'
import { CreatedTables } from './created-tables.ts'
import { columnEffect } from './column-effect.ts'
import { specialOf } from './declared-column.ts'
import type { TableName } from '../sql/names.ts'
import type { Place } from '../replica/feed.ts'
import type { ServerFacts } from '../server/server-facts.ts'
import { type Collations, type DeclaredTable, readCollations, readTable } from './table-columns.ts'

/** Lengths in bytes of BINARY columns that may be INET4, UUID or INET6. */
const HIDDEN_LENGTHS = new Set([4, 16])
/** MariaDB 11.7 brought VECTOR, which looks like VARBINARY of four bytes per dimension. */
const FIRST_WITH_VECTOR = 1107

/**
 * Names the columns of tables whose TABLE_MAP does not (binlog_row_metadata other than FULL), from INFORMATION_SCHEMA.
 *
 * The server tells how a table is *now*; wanted is how it was at the place being read. The rule, so that nothing is
 * ever guessed:
 * 1. The columns are read, and after them the server's end position E. A change of the table that is in what was read
 *    is in the binlog before E.
 * 2. If the reader stands at E, no change lies between, and the columns are right.
 * 3. Otherwise the event list of the server between reader and E is searched for DDL that names the table, or whose
 *    tables cannot be told. If there is any that may have changed the columns, they are refused (BINGO_SCHEMA_UNKNOWN);
 *    if there is none, they are right.
 * 4. In both cases number, types, lengths, precision, nullability and, where the event has them, signs must agree with
 *    the event, or the columns are refused.
 * 5. What was found stays in use until the reader meets DDL that may change the table's columns (or cannot be
 *    attributed), until the wire shape changes, or until the connection is lost; then it is found anew.
 * 6. A CREATE TABLE that was read, and understood to its last word, gives the columns without asking.
 * What this cannot see: DDL done with sql_log_bin=0. Rule 4 catches such a change when it alters the shape; a mere
 * rename of a column it cannot catch.
 */
export class InformationSchemaResolver implements SchemaResolver {
  readonly #control: ControlConnection
  readonly #facts: ServerFacts
  /** The end of the event that the reader is at: closer than its last boundary, which lies before skipped events too. */
  readonly #position: () => Place | null
  readonly #ahead: DdlAhead
  readonly #known = new Map<string, KnownTable>()
  readonly #created = new CreatedTables()
  #collations: Collations | null = null

  constructor(control: ControlConnection, facts: ServerFacts, position: () => Place | null) {
    this.#control = control
    this.#facts = facts
    this.#position = position
    this.#ahead = new DdlAhead(control)
  }

  resolve(wire: WireTable): TableDef | Promise<TableDef> {
    const known = this.#known.get(keyOf(wire.schema, wire.name))
    if (known && sameShape(known.wire, wire)) return known.table
    const created = this.#created.build(wire)
    if (created === null) return this.#lookUp(wire)
    this.#known.set(keyOf(wire.schema, wire.name), {
      wire,
      table: created,
      declared: this.#created.get(wire.schema, wire.name)!,
    })
    return created
  }

  enrich(table: TableDef): TableDef | Promise<TableDef> {
    const hides = (column: ColumnDef): boolean => mayHide(column, this.#facts.release)
    return table.flavour === 'mariadb' && table.columns.some(hides) ? this.#reveal(table) : table
  }

  invalidate(statement: DdlStatement): void {
    const effect = columnEffect(statement)
    if (effect.tag === 'kept') return
    const isKnown = (table: TableName): boolean => this.#declaredOf(table) !== undefined
    if (effect.tag === 'keptIfExists' && statement.tables.length > 0 && statement.tables.every(isKnown)) return
    const from = effect.tag === 'copied' ? this.#declaredOf(effect.from) : undefined
    if (statement.tables.length === 0) {
      this.#known.clear()
      this.#created.clear()
    }
    for (const table of effect.tag === 'copied' ? [effect.table] : statement.tables) {
      this.#known.delete(keyOf(table.schema, table.table))
      this.#created.delete(table)
    }
    if (effect.tag === 'created') this.#created.set(effect.table, effect.declared)
    if (effect.tag === 'copied' && from !== undefined) this.#created.set(effect.table, from)
  }

  #declaredOf({ schema, table }: TableName): DeclaredTable | undefined {
    const known = this.#known.get(keyOf(schema, table))
    const isIt = known?.wire.schema === schema && known.wire.name === table
    return isIt ? known.declared : this.#created.get(schema, table)
  }

  /** The connection was lost: the next one may lead to another server. What the stream told holds on any. */
  forget(): void {
    this.#known.clear()
    this.#ahead.forget()
    this.#collations = null
  }

  async #lookUp(wire: WireTable): Promise<TableDef> {
    const declared = await this.#declared(wire)
    if (declared === null) {
      throw schemaUnknown(wire, 'it does not exist any more, or the account lacks SELECT on it')
    }
    const table = buildTable(wire, declared)
    this.#known.set(keyOf(wire.schema, wire.name), { wire, table, declared })
    return table
  }

  async #reveal(table: TableDef): Promise<TableDef> {
    const declared = this.#createdAs(table) ?? (await this.#declared(table))
    if (declared === null) {
      throw schemaUnknown(
        table,
        'whether its binary columns are UUID, INET or VECTOR cannot be asked: it is gone, or the account lacks SELECT on it',
      )
    }
    const byName = new Map(declared.columns.map((column) => [column.name, column]))
    const columns = table.columns.map((column): ColumnDef => {
      const found = byName.get(column.name)
      if (!found) throw schemaUnknown(table, `it has no column ${column.name} any more`)
      const special = specialOf(found, table.flavour, column.type)
      if (special === undefined) return column
      return special === 'mariadb53-temporal'
        ? { ...column, special, meta: found.fractionDigits }
        : { ...column, special }
    })
    return columns.some((column, i) => column !== table.columns[i]) ? { ...table, columns } : table
  }

  /** The creation of a table of which only the hidden types are asked; null when it was not read, or does not fit. */
  #createdAs(table: TableDef): DeclaredTable | null {
    const declared = this.#created.get(table.schema, table.name)
    const fits = declared?.columns.length === table.columns.length
    return fits && declared.columns.every(({ name }, i) => name === table.columns[i]!.name) ? declared : null
  }

  /** The table as the server has it, proven to be the same at the place being read (rules 1 to 3). */
  async #declared({ schema, name }: { readonly schema: string; readonly name: string }): Promise<DeclaredTable | null> {
    this.#collations ??= await readCollations(this.#control, this.#facts)
    const declared = await readTable(this.#control, this.#facts, this.#collations, schema, name)
    const end = await binlogEnd(this.#control, this.#facts)
    const position = this.#position()
    if (end === null || position === null)
      throw schemaUnknown({ schema, name }, 'the server’s position cannot be asked')
    if (position.file === end.file && position.offset >= end.offset) return declared
    const ddl = await this.#ahead.find(schema, name, position, end)
    if (ddl === null) return declared
    throw schemaUnknown({ schema, name }, `it was changed later on: ${shorten(ddl.sql)}`)
  }
}

interface KnownTable {
  readonly wire: WireTable
  readonly table: TableDef
  readonly declared: DeclaredTable
}

const BINARY_COLLATION = 63

/** Without regard to case: some servers fold names, and forgetting too much does no harm. */
function keyOf(schema: string, table: string): string {
  return `${schema.toLowerCase()}\0${table.toLowerCase()}`
}

function sameShape(one: WireTable, other: WireTable): boolean {
  return (
    one.schema === other.schema &&
    one.name === other.name &&
    sameList(one.types, other.types) &&
    sameList(one.metas, other.metas) &&
    sameList(one.nullable, other.nullable) &&
    sameList(one.unsigned ?? [], other.unsigned ?? []) &&
    sameList(one.collations ?? [], other.collations ?? [])
  )
}

function sameList(one: ArrayLike<unknown>, other: ArrayLike<unknown>): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

/** Whether a type of MariaDB's own, or of old, may travel as this one. */
function mayHide({ type, meta, collation }: ColumnDef, release: number): boolean {
  switch (type) {
    case ColumnType.STRING:
      return HIDDEN_LENGTHS.has(meta)
    case ColumnType.VARCHAR:
      return release >= FIRST_WITH_VECTOR && collation === BINARY_COLLATION && meta > 0 && meta % 4 === 0
    case ColumnType.TIMESTAMP:
    case ColumnType.TIME:
    case ColumnType.DATETIME:
      return true
    default:
      return false
  }
}

function shorten(sql: string): string {
  const line = sql.replaceAll(/\s+/g, ' ')
  return line.length > 120 ? `${line.slice(0, 120)}…` : line
}
