import type { Field, Shape } from './event.ts'
import type { TableDef } from '../table/table.ts'
import { valueKind } from '../table/value-kind.ts'

/** The shape of a table's rows, as events of every source have one. */
class RowShape implements Shape {
  readonly type: string
  readonly fields: readonly Field[]
  readonly key: readonly string[]

  constructor({ schema, name, columns, key }: TableDef) {
    this.type = `${schema}.${name}`
    this.fields = columns.map((column) => ({
      name: column.name,
      kind: valueKind(column),
      nullable: column.nullable,
    }))
    this.key = key.map((index) => columns[index]!.name)
  }
}

/** One shape per table definition; nothing but a cache on its identity. */
const shapes = new WeakMap<TableDef, Shape>()

export function rowShape(table: TableDef): Shape {
  let shape = shapes.get(table)
  if (shape === undefined) shapes.set(table, (shape = new RowShape(table)))
  return shape
}
