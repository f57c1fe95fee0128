import type { SqlRow, SqlSession } from '../../clients/sql/session.ts'
import { BingoError } from '../../model/errors.ts'
import { polledSchema } from '../../model/rule/outbox-rule.ts'
import { nearestName } from '../../model/nearest-name.ts'
import type { ColumnDef, TableDef } from '../../model/table/table.ts'
import { ColumnType } from '../../model/table/column-type.ts'
import type { PolledOptions } from './contract.ts'

/** How the values of a column are read. */
export type Reading = 'json' | 'bytes' | 'integer' | 'boolean' | 'time' | 'plain'

export interface PolledColumn {
  readonly name: string
  readonly reading: Reading
}

/** A table as it is, and what of it polling uses. */
export interface TableInfo {
  readonly def: TableDef
  readonly columns: readonly PolledColumn[]
  /** Identifies a row. */
  readonly pk: string
  readonly order: string
  has(column: string): boolean
}

interface Found {
  readonly name: string
  readonly type: string
  readonly isKey: boolean
}

/** Rejects with BINGO_OUTBOX_TABLE where the table cannot be polled. */
export async function readTable(database: SqlSession, options: PolledOptions): Promise<TableInfo> {
  const { schema, table, after } = options
  const called = `${schema}.${table}`
  const found = await columnsOf(database, options)
  if (found.length === 0) throw unusable(`there is no table ${called}`, 'Check `table`, and what the account may see.')
  const names = found.map(({ name }) => name)
  const named = (wanted: string): string | undefined =>
    names.find((name) => name.toLowerCase() === wanted.toLowerCase())
  const required = (wanted: string): string => {
    const name = named(wanted)
    if (name !== undefined) return name
    const meant = nearestName(wanted, names)
    throw unusable(
      `${called} has no column "${wanted}"`,
      meant === undefined ? `It has ${names.join(', ')}.` : `Did you mean "${meant}"?`,
    )
  }
  if (after === 'mark' && named('processed_at') === undefined) {
    throw unusable(`${called} has no column "processed_at"`, 'Add one that may be NULL, or write after: delete.')
  }
  const keys = found.filter(({ isKey }) => isKey)
  const single = keys.length === 1 ? keys[0] : undefined
  const pk = single?.name ?? (options.idColumn === null ? undefined : required(options.idColumn))
  if (pk === undefined)
    throw unusable(`${called} has no primary key of one column`, 'Add one, or map `id` to a unique one.')
  const grows = [named('position'), single && isInteger(single) ? single.name : undefined, named('created_at')]
  const order = options.orderColumn === null ? grows.find((name) => name !== undefined) : required(options.orderColumn)
  if (order === undefined) {
    throw unusable(`${called} has no column that tells which of two rows is older`, 'Name one: poll: {order: seq}.')
  }
  const columns = found.map(({ name, type }) => ({ name, reading: readingOf(type) }))
  const def: TableDef = {
    schema: polledSchema(schema),
    name: table,
    flavour: 'mysql',
    columns: columns.map(defOf),
    key: [names.indexOf(pk)],
  }
  return { def, columns, pk, order, has: (column) => named(column) !== undefined }
}

async function columnsOf(database: SqlSession, { schema, table }: PolledOptions): Promise<readonly Found[]> {
  const rows = async (sql: string, values: readonly string[]): Promise<readonly Found[]> =>
    (await database.run(sql, values)).rows.map((row: SqlRow) => ({
      name: String(row['name']),
      type: String(row['type']).toLowerCase(),
      isKey: Number(row['is_key']) > 0,
    }))
  switch (database.dialect) {
    case 'mysql':
      return rows(
        `SELECT column_name AS name, data_type AS type, column_key = 'PRI' AS is_key FROM information_schema.columns
          WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
        [schema, table],
      )
    case 'postgres':
      return rows(
        `SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type, CASE WHEN EXISTS (SELECT 1 FROM pg_index i
            WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)) THEN 1 ELSE 0 END AS is_key
          FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = ? AND c.relname = ? AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
        [schema, table],
      )
    case 'sqlite':
      return rows('SELECT name, type, pk AS is_key FROM pragma_table_info(?, ?)', [table, schema])
  }
}

const INTEGER = /^(tiny|small|medium|big)?int(eger)?\b|^serial|^bigserial/

function isInteger({ type }: Found): boolean {
  return INTEGER.test(type)
}

function readingOf(type: string): Reading {
  if (INTEGER.test(type)) return 'integer'
  if (/^jsonb?$/.test(type)) return 'json'
  if (/blob|binary|^bytea|^bit\b/.test(type)) return 'bytes'
  if (type === 'boolean') return 'boolean'
  return type.startsWith('timestamp') ? 'time' : 'plain'
}

const BINARY_COLLATION = 63
/** utf8mb4_0900_ai_ci */
const TEXT_COLLATION = 255
const TYPES: { readonly [reading in Reading]: Pick<ColumnDef, 'type' | 'collation' | 'meta'> } = {
  json: { type: ColumnType.JSON, collation: 0, meta: 4 },
  bytes: { type: ColumnType.BLOB, collation: BINARY_COLLATION, meta: 4 },
  integer: { type: ColumnType.LONGLONG, collation: 0, meta: 0 },
  boolean: { type: ColumnType.JSON, collation: 0, meta: 4 },
  time: { type: ColumnType.BLOB, collation: TEXT_COLLATION, meta: 4 },
  plain: { type: ColumnType.BLOB, collation: TEXT_COLLATION, meta: 4 },
}

function defOf({ name, reading }: PolledColumn): ColumnDef {
  return { name, ...TYPES[reading], unsigned: false, nullable: true, visible: true }
}

function unusable(why: string, hint: string): BingoError {
  return new BingoError('BINGO_OUTBOX_TABLE', `The outbox cannot be polled: ${why}`, { hint })
}
