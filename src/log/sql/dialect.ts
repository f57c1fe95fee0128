import type { Kysely, RawBuilder, Transaction } from 'kysely'
import { CompiledQuery, sql } from '../../clients/kysely.ts'
import type { NewEvents } from '../batched-posts.ts'
import type { Bounds } from '../posting.ts'
import { insertNewMysql, insertNewPostgres } from './new-events.ts'
import type { ColumnType, EventTables } from './tables.ts'

export type Queries = Kysely<EventTables> | Transaction<EventTables>
type Value = string | number | null

/** In what MySQL, MariaDB among them, and PostgreSQL differ. */
export interface Dialect {
  readonly name: 'mysql' | 'postgres'
  /** What a whole number is cast to. */
  readonly integer: string
  /** Stores events that are all new and counts them, in one transaction of its own. */
  insertNew(events: NewEvents, bounds: Bounds): CompiledQuery
  /** By the server's clock, which all instances share. */
  readonly now: RawBuilder<number>
  /**
   * One statement for many rows. `known`: what is done about a row whose key is there: nothing, or these columns are
   * replaced.
   */
  insert(
    table: keyof EventTables,
    columns: readonly (readonly [name: string, type: ColumnType])[],
    rows: readonly (readonly Value[])[],
    known?: { readonly key: string; readonly replace: readonly string[] },
  ): CompiledQuery
}

export const mysql: Dialect = {
  name: 'mysql',
  insertNew: insertNewMysql,
  integer: 'SIGNED',
  now: sql<number>`floor(unix_timestamp(now(3)) * 1000)`,
  insert(table, columns, rows, known) {
    const tuple = `(${columns.map(() => '?').join(',')})`
    const names = columns.map(([name]) => name).join(',')
    // An assignment that changes nothing: IGNORE would also take values that do not fit.
    const assigned =
      known?.replace.length === 0
        ? [`${known.key}=${known.key}`]
        : known?.replace.map((name) => `${name}=VALUES(${name})`)
    const end = assigned === undefined ? '' : ` ON DUPLICATE KEY UPDATE ${assigned.join(',')}`
    const text = `INSERT INTO ${table} (${names}) VALUES ${rows.map(() => tuple).join(',')}${end}`
    return CompiledQuery.raw(text, rows.flat())
  },
}

export const postgres: Dialect = {
  name: 'postgres',
  insertNew: insertNewPostgres,
  integer: 'BIGINT',
  now: sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  insert(table, columns, rows, known) {
    const names = columns.map(([name]) => name).join(',')
    const lists = columns.map(([, type], i) => `$${i + 1}::${type}[]`).join(',')
    const replace = known?.replace.map((name) => `${name}=excluded.${name}`).join(',')
    const action = replace === '' ? 'DO NOTHING' : `(${known?.key}) DO UPDATE SET ${replace}`
    const end = known === undefined ? '' : ` ON CONFLICT ${action}`
    const text = `INSERT INTO ${table} (${names}) SELECT * FROM unnest(${lists})${end}`
    return CompiledQuery.raw(
      text,
      columns.map((_, i) => rows.map((row) => row[i])),
    )
  },
}
