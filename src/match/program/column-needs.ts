import type { ColumnReads } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'

/** Column indexes to decode of one image. */
export type ColumnSelection = ReadonlySet<number> | 'all'

/** Collects which columns of a table something reads. */
export class ColumnNeeds {
  private readonly table: TableDef
  private readonly names: ReadonlyMap<string, number>
  private selection: { new: Set<number> | 'all'; old: Set<number> | 'all' } = { new: new Set(), old: new Set() }

  constructor(table: TableDef) {
    this.table = table
    this.names = new Map(table.columns.map((column, index) => [column.name, index]))
    // Lane, row key and the key of every event need the primary key.
    for (const index of table.key) {
      ;(this.selection.new as Set<number>).add(index)
      ;(this.selection.old as Set<number>).add(index)
    }
  }

  add(reads: ColumnReads): void {
    this.addImage('new', reads.new)
    this.addImage('old', reads.old)
  }

  get new(): ColumnSelection {
    return this.normal(this.selection.new)
  }

  get old(): ColumnSelection {
    return this.normal(this.selection.old)
  }

  private addImage(image: 'new' | 'old', names: ReadonlySet<string> | 'all'): void {
    if (names === 'all') {
      this.selection[image] = 'all'
      return
    }
    const selected = this.selection[image]
    if (selected === 'all') return
    for (const name of names) {
      const index = this.names.get(name)
      if (index !== undefined) selected.add(index)
    }
  }

  private normal(selected: Set<number> | 'all'): ColumnSelection {
    return selected !== 'all' && selected.size === this.table.columns.length ? 'all' : selected
  }
}

export function readsWholeRow(reads: ColumnReads): boolean {
  return reads.new === 'all' || reads.old === 'all'
}
