import { nearestName } from '../../model/nearest-name.ts'
import type { ColumnDef, TableDef } from '../../model/table/table.ts'

/** Finds columns of one table by name: the exact spelling first, then case-insensitively, as MySQL does. */
export class TableColumns {
  private readonly exact = new Map<string, ColumnDef>()
  private readonly folded = new Map<string, ColumnDef>()
  readonly names: readonly string[]
  /** Names of the primary-key columns, in key order. */
  readonly key: readonly string[]
  /** TRUNCATE and DDL are changes of a table without columns: whatever is asked for is NULL. */
  readonly isStatement: boolean

  constructor(table: TableDef) {
    for (const column of table.columns) {
      this.exact.set(column.name, column)
      const folded = column.name.toLowerCase()
      if (!this.folded.has(folded)) this.folded.set(folded, column)
    }
    this.names = table.columns.map((column) => column.name)
    this.key = table.key.map((index) => table.columns[index]!.name)
    this.isStatement = table.columns.length === 0
  }

  find(name: string): ColumnDef | undefined {
    return this.exact.get(name) ?? this.folded.get(name.toLowerCase())
  }

  /** The primary-key column of this name. */
  findKey(name: string): ColumnDef | undefined {
    const column = this.find(name)
    return column !== undefined && this.key.includes(column.name) ? column : undefined
  }

  nearest(name: string): string | undefined {
    return nearestName(name, this.names)
  }
}

const cache = new WeakMap<TableDef, TableColumns>()

export function columnsOf(table: TableDef): TableColumns {
  let columns = cache.get(table)
  if (columns === undefined) {
    columns = new TableColumns(table)
    cache.set(table, columns)
  }
  return columns
}
