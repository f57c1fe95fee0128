import type { PresentColumns } from '../../../../../src/model/source/binlog-stream.ts'
import type { ColumnDef, TableDef } from '../../../../../src/model/table/table.ts'
import type { RowShape } from '../../../../../src/sources/mysql/binlog/rows/row-decoder.ts'

/** A column of a table made by hand. */
export function column(name: string, type: number, meta = 0, more: Partial<ColumnDef> = {}): ColumnDef {
  return { name, type, meta, nullable: true, unsigned: false, collation: 0, visible: true, ...more }
}

export function tableOf(...columns: ColumnDef[]): TableDef {
  return { schema: 'shop', name: 'made', columns, key: [], flavour: 'mysql' }
}

export const EVERY: PresentColumns = { all: true, has: () => true }

export function present(...columns: number[]): PresentColumns {
  return { all: false, has: (index) => columns.includes(index) }
}

export function shapeOf(op: RowShape['op'], more: Partial<RowShape> = {}): RowShape {
  return { op, presentOld: EVERY, presentNew: EVERY, partialJson: false, ...more }
}
