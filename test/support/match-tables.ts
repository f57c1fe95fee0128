import { Change } from '../../src/model/event/change.ts'
import type { Transaction } from '../../src/model/event/change.ts'
import type { Row, RowOp, Value } from '../../src/model/event/row.ts'
import type { ColumnDef, TableDef } from '../../src/model/table/table.ts'

const TYPES = {
  int: { type: 3, unsigned: false },
  bigint: { type: 8, unsigned: false },
  ubigint: { type: 8, unsigned: true },
  double: { type: 5, unsigned: false },
  varchar: { type: 15, unsigned: false },
  json: { type: 245, unsigned: false },
  set: { type: 248, unsigned: false },
} as const

/** A table of columns such as `{ id: 'bigint', name: 'varchar' }`; the first is the primary key. */
export function tableOf(columns: { readonly [name: string]: keyof typeof TYPES }, name = 'users'): TableDef {
  const defs = Object.entries(columns).map(([column, type]): ColumnDef => ({
    name: column,
    ...TYPES[type],
    meta: 0,
    nullable: true,
    collation: 0,
    visible: true,
  }))
  return { schema: 'shop', name, flavour: 'mysql', key: [0], columns: defs }
}

export const USERS = tableOf({
  id: 'bigint',
  status: 'int',
  age: 'int',
  name: 'varchar',
  email: 'varchar',
  score: 'double',
  serial: 'ubigint',
  doc: 'json',
  tags: 'set',
  ts: 'varchar',
})

const TRANSACTION: Transaction = {
  id: '3e11fa47-71ca-11e1-9e33-c80aa9429562:42',
  gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:42',
  file: 'binlog.000003',
  offset: 1234,
  serverId: 7,
  timestampUs: Date.UTC(2026, 10, 20, 10) * 1000 + 123_456,
  query: null,
}

type Columns = { readonly [column: string]: Value }

export function rowOf(columns: Columns): Row {
  return Object.assign(Object.create(null) as { [column: string]: Value }, columns)
}

/** The operation follows from which rows are there. */
export function changeOf(old: Columns | null, new_: Columns | null, table: TableDef = USERS): Change {
  const op: RowOp = old === null ? 'insert' : new_ === null ? 'delete' : 'update'
  return new Change(table, op, TRANSACTION, 3, old && rowOf(old), new_ && rowOf(new_), null)
}

export const ADA: Columns = {
  id: 101,
  status: 1,
  age: 31,
  name: 'Ada',
  email: 'ada@example.com',
  score: 1.5,
  serial: 18446744073709551615n,
  doc: { vip: true, tags: ['x', 'y'], level: 3, constructor: 'c' },
  tags: ['a', 'b'],
  ts: 'column ts',
}
