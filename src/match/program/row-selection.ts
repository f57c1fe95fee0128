import { unionReads } from '../../model/table/column-reads.ts'
import { conditionOf } from '../../model/rule/condition.ts'
import type { ActionPlan, Rule } from '../../model/rule/rule.ts'
import type { ColumnReads } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'
import { ColumnNeeds, readsWholeRow } from './column-needs.ts'
import type { ColumnSelection } from './column-needs.ts'

/** MYSQL_TYPE_* of columns whose values can be megabytes: JSON, BLOB/TEXT family, VECTOR, GEOMETRY. */
const LONG_TYPES: ReadonlySet<number> = new Set([242, 245, 249, 250, 251, 252, 255])
const SHORT_VALUE_BYTES = 32

/** Upper bound of what the values of these columns hold in memory; Infinity when one of them can be long. */
export function boundOfBytes(table: TableDef, selected: ColumnSelection): number {
  let bytes = 0
  table.columns.forEach((column, index) => {
    if (selected !== 'all' && !selected.has(index)) return
    if (LONG_TYPES.has(column.type)) bytes = Infinity
    // Character columns hold `meta` bytes at most; everything else is short.
    else bytes += column.collation > 0 ? Math.max(SHORT_VALUE_BYTES, column.meta) : SHORT_VALUE_BYTES
  })
  return bytes
}

/** First pass: what all filters and the modest actions read; whole rows only where a rule wants all of them. */
export function selections(
  table: TableDef,
  rules: readonly Rule[],
  hasImages: boolean,
): { old: ColumnSelection; new: ColumnSelection } {
  const needs = new ColumnNeeds(table)
  for (const rule of rules) {
    const condition = conditionOf(rule)
    if (condition !== null) addReads(needs, () => condition.reads(table))
    if (rule.key !== null) addReads(needs, () => bothRows(rule.key!.reads(table)))
    if (rule.renews !== undefined) needs.add({ new: 'all', old: 'all' })
    if (rule.threshold) addReads(needs, () => rule.threshold!.reads(table))
    const fromImages = hasImages && writesImages(rule)
    for (const plan of rule.actions) {
      if (plan.when !== null) addReads(needs, () => plan.when!.reads(table))
      if (!readsWhole(plan, table, fromImages)) addReads(needs, () => decodedReads(plan, table, fromImages))
      else if (condition === null) needs.add({ new: 'all', old: 'all' })
    }
  }
  return { old: needs.old, new: needs.new }
}

/** The key is that of the row as it is, and of the row as it was. */
function bothRows(reads: ColumnReads): ColumnReads {
  return unionReads([reads, { new: reads.old, old: reads.new }])
}

export function readsWhole(plan: ActionPlan, table: TableDef, fromImages: boolean): boolean {
  return safeReads(() => readsWholeRow(decodedReads(plan, table, fromImages))) ?? true
}

/**
 * Whether actions of the rule write what they send from the row's image. Not where they send it later, or with facts that
 * are no part of the row.
 */
export function writesImages(rule: Rule): boolean {
  if (rule.delayMs > 0 || rule.renews !== undefined || rule.cancels !== undefined || rule.threshold) return false
  return rule.actions.some((plan) => plan.decodes !== undefined)
}

function decodedReads(plan: ActionPlan, table: TableDef, fromImages: boolean): ColumnReads {
  return fromImages && plan.decodes !== undefined ? plan.decodes(table) : plan.reads(table)
}

/** What cannot even be told to read nothing (it will fail when bound) reads nothing. */
function safeReads<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function addReads(needs: ColumnNeeds, reads: () => Parameters<ColumnNeeds['add']>[0]): void {
  const found = safeReads(reads)
  if (found !== undefined) needs.add(found)
}
