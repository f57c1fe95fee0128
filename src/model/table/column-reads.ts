import type { ColumnReads } from '../rule/expression.ts'

export const READS_NOTHING: ColumnReads = { new: new Set(), old: new Set() }
export const READS_WHOLE_ROW: ColumnReads = { new: 'all', old: 'all' }

export function unionReads(all: readonly ColumnReads[]): ColumnReads {
  return { new: unionColumns(all.map((reads) => reads.new)), old: unionColumns(all.map((reads) => reads.old)) }
}

function unionColumns(sets: readonly (ReadonlySet<string> | 'all')[]): ReadonlySet<string> | 'all' {
  const union = new Set<string>()
  for (const set of sets) {
    if (set === 'all') return 'all'
    for (const column of set) union.add(column)
  }
  return union
}
