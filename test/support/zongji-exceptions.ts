import type { Value } from '../../src/model/event/row.ts'
import { ColumnType } from '../../src/model/table/column-type.ts'
import type { ColumnDef, TableDef } from '../../src/model/table/table.ts'

/** What zongji 0.9.0 cannot read: tables with a column of such a type are not asked of it. */
export const UNREADABLE_BY_ZONGJI: readonly { type: number; reason: string }[] = [
  {
    type: ColumnType.VECTOR,
    reason: "not among its types, so it leaves the column's metadata and bytes to the next column",
  },
]

interface Misread {
  readonly types: readonly number[]
  readonly reason: string
  /** Each value that is concerned is read wrong: one that is not is a difference too. */
  readonly always: boolean
  concerns(value: Value, column: ColumnDef, table: TableDef): boolean
}

/** What zongji 0.9.0 reads wrong: such values are not compared. */
export const MISREAD_BY_ZONGJI: readonly Misread[] = [
  {
    types: [ColumnType.TIME2],
    reason: "adds the 1 of the two's complement to the seconds and does not carry it to the minutes",
    always: true,
    concerns: (value) => typeof value === 'string' && /^-\d+:\d\d:00(\.0+)?$/.test(value),
  },
  {
    types: [ColumnType.YEAR],
    reason: 'counts the year 0000 from 1900 like the others',
    always: true,
    concerns: (value) => value === 0,
  },
  {
    types: [ColumnType.ENUM],
    reason: 'has no value for the empty text that stands for an invalid one',
    always: true,
    concerns: (value) => value === '',
  },
  {
    types: [ColumnType.VARCHAR, ColumnType.STRING, ColumnType.BLOB],
    reason: 'MariaDB gives a GEOMETRY a collation too; zongji takes it for that of the next character column',
    always: false,
    concerns: (_value, column, { columns, flavour }) =>
      flavour === 'mariadb' &&
      columns.slice(0, columns.indexOf(column)).some(({ type }) => type === ColumnType.GEOMETRY),
  },
]

export function misreadByZongji(value: Value, column: ColumnDef, table: TableDef): Misread | undefined {
  if (value === null) return undefined
  return MISREAD_BY_ZONGJI.find(({ types, concerns }) => types.includes(column.type) && concerns(value, column, table))
}

export function zongjiReads({ columns }: TableDef): boolean {
  return !columns.some((column) => UNREADABLE_BY_ZONGJI.some(({ type }) => type === column.type))
}
