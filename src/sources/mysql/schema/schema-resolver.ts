import type { DdlStatement, SchemaResolver, WireTable } from '../../../model/source/binlog-stream.ts'
import type { TableDef } from '../../../model/table/table.ts'
import { binlogEnd } from '../server/binlog-status.ts'
import { buildTable, schemaUnknown } from './build-table.ts'
import type { ControlConnection } from '../server/login/control-connection.ts'
import { DdlAhead } from './ddl-ahead.ts'
import { CreatedTables } from './created-tables.ts'
import { columnEffect } from './column-effect.ts'
import { mayHideSomething, revealTable, type ServersView } from './reveal-table.ts'
import type { TableName } from '../sql/names.ts'
import type { Place } from '../replica/feed.ts'
import type { ServerFacts } from '../server/server-facts.ts'
import { type Collations, type DeclaredTable, readCollations, readTable } from './table-columns.ts'

const GRANT_SELECT =
  'GRANT SELECT ON your_database.* TO the account of BinGo: the binlog of MariaDB does not tell UUID, INET4, INET6 and VECTOR columns or system-versioned tables.'

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
  readonly #warn: (fields: object, message: string) => void
  readonly #doubted = new Set<string>()
  readonly #known = new Map<string, KnownTable>()
  readonly #created = new CreatedTables()
  #collations: Collations | null = null

  constructor(
    control: ControlConnection,
    facts: ServerFacts,
    position: () => Place | null,
    warn: (fields: object, message: string) => void,
  ) {
    this.#warn = warn
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
    return table.flavour === 'mariadb' && mayHideSomething(table, this.#facts.release) ? this.#reveal(table) : table
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
      throw schemaUnknown(wire, 'it no longer exists, or the account lacks SELECT on it')
    }
    const table = buildTable(wire, declared)
    this.#known.set(keyOf(wire.schema, wire.name), { wire, table, declared })
    return table
  }

  async #reveal(table: TableDef): Promise<TableDef> {
    const created = this.#createdAs(table)
    const view = created === null ? await this.#view(table) : { declared: created, later: [] }
    if (view.declared === null && view.later.length === 0) {
      throw schemaUnknown(
        table,
        'the account lacks SELECT on it, and some of its columns may have a special type',
        GRANT_SELECT,
      )
    }
    const revealed = revealTable(table, view, this.#facts.release)
    if (revealed.doubts.length > 0) this.#tellDoubts(table, revealed.doubts, view.later)
    return revealed.table
  }

  /** Once for each state of the table: it is looked up after every DDL. */
  #tellDoubts({ schema, name }: TableDef, columns: readonly string[], later: readonly DdlStatement[]): void {
    const key = JSON.stringify([schema, name, columns, later.map(({ sql }) => sql)])
    if (this.#doubted.has(key)) return
    this.#doubted.add(key)
    this.#warn(
      { code: 'BINGO_SCHEMA_ASSUMED', schema, table: name, columns, statement: shorten(later[0]?.sql ?? '') },
      'the table was altered after the current position, so the types of some columns are uncertain until then',
    )
  }

  /** The creation of a table of which only the hidden types are asked; null when it was not read, or does not fit. */
  #createdAs(table: TableDef): DeclaredTable | null {
    const declared = this.#created.get(table.schema, table.name)
    const fits = declared?.columns.length === table.columns.length
    return fits && declared.columns.every(({ name }, i) => name === table.columns[i]!.name) ? declared : null
  }

  /** The table as the server has it, proven to be the same at the place being read (rules 1 to 3). */
  async #declared(table: { readonly schema: string; readonly name: string }): Promise<DeclaredTable | null> {
    const { declared, later } = await this.#view(table)
    if (later.length > 0) throw schemaUnknown(table, `it was altered later: ${shorten(later[0]!.sql)}`)
    return declared
  }

  async #view({ schema, name }: { readonly schema: string; readonly name: string }): Promise<ServersView> {
    this.#collations ??= await readCollations(this.#control, this.#facts)
    const declared = await readTable(this.#control, this.#facts, this.#collations, schema, name)
    const end = await binlogEnd(this.#control, this.#facts)
    const position = this.#position()
    if (end === null || position === null) throw schemaUnknown({ schema, name }, 'cannot query the server’s position')
    if (position.file === end.file && position.offset >= end.offset) return { declared, later: [] }
    return { declared, later: await this.#ahead.find(schema, name, position, end) }
  }
}

interface KnownTable {
  readonly wire: WireTable
  readonly table: TableDef
  readonly declared: DeclaredTable
}

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

function shorten(sql: string): string {
  const line = sql.replaceAll(/\s+/g, ' ')
  return line.length > 120 ? `${line.slice(0, 120)}…` : line
}
