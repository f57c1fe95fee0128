import type { Change } from '../../../model/event/change.ts'
import type { Row, Value } from '../../../model/event/row.ts'
import { changedColumns, columnChanged } from '../../../model/event/changed-columns.ts'
import { toChangeEvent } from '../../../model/event/forms/event-json.ts'
import { isPosted } from '../../../model/event/posted/posted-event.ts'
import { keyOf, keyValue } from '../../../model/event/row-key.ts'
import type { ColumnReads, ExplainedClause, Pattern, Predicate } from '../../../model/rule/expression.ts'
import { READS_NOTHING, READS_WHOLE_ROW, unionReads } from '../../../model/table/column-reads.ts'
import type { TableDef } from '../../../model/table/table.ts'
import { absentColumn, notInKey, unknownColumn } from '../column-errors.ts'
import type { SourceText } from '../source-text.ts'
import { columnsOf } from '../table-columns.ts'
import { explainPattern } from './explain-pattern.ts'
import { lookupsOf } from './lookups.ts'
import { compileFields, compilePattern } from './match-pattern.ts'
import type { Matches } from './match-pattern.ts'
import type { Literal, PatternEntry, PatternMap, PatternNode } from './pattern.ts'
import { printPattern } from './print-pattern.ts'

type Fields = { readonly [name: string]: Value }
type Test = (change: Change) => boolean

/** The parts of a row's event that name columns. */
const IMAGES: ReadonlySet<string> = new Set(['new', 'old', 'key'])

/**
 * `match:` of a rule. Its root is the event as its JSON shows it: of a posted event `payload`, `context`, `metadata` and
 * so on; of a row `new`, `old`, `key`, `changed` (in `payload` as well), `op` and so on.
 */
export class RulePattern implements Pattern {
  readonly map: PatternMap
  readonly source: string
  readonly location: PatternMap['location']
  readonly necessary: Predicate['necessary']
  readonly lookups: Predicate['lookups']
  private readonly ruleId: string

  constructor(map: PatternMap, ruleId: string) {
    this.map = map
    this.ruleId = ruleId
    this.source = printPattern(map)
    this.location = map.location
    this.lookups = lookupsOf(map)
    this.necessary = necessaryOf(rowEntries(map))
  }

  reads(table: TableDef): ColumnReads {
    return unionReads(rowEntries(this.map).map((entry) => readsOf(entry, table)))
  }

  /** A row's columns are known: one that the table does not have throws EvaluationError, unless `$exists` asks for it. */
  bind(table: TableDef): Test {
    if (isPosted(table)) {
      const holds = compileFields(this.map)
      return ({ new: event }) => holds(event as Fields)
    }
    const tests = rowEntries(this.map).map((entry) => this.bindEntry(entry, table))
    const [first, second] = tests
    if (first === undefined) return () => true
    return second === undefined ? first : (change) => tests.every((test) => test(change))
  }

  explain(change: Change): readonly ExplainedClause[] {
    if (isPosted(change.table)) {
      return this.map.entries.flatMap(({ key, node }) => explainPattern(node, (change.new as Fields)[key], key))
    }
    return rowEntries(this.map).flatMap(({ key, node }) => explainPattern(node, rowField(key)(change), key))
  }

  private bindEntry({ key, node }: PatternEntry, table: TableDef): Test {
    const matches = compilePattern(node)
    if (node.tag !== 'map' || !IMAGES.has(key) || node.entries.length === 0) return bindField(key, node, matches)
    // TRUNCATE and DDL are of a table without columns, and have no rows.
    if (columnsOf(table).isStatement) return () => false
    const columns = node.entries.map((entry) => this.bindColumn(key as 'new' | 'old' | 'key', entry, table))
    return (change) => columns.every((column) => column(change))
  }

  private bindColumn(image: 'new' | 'old' | 'key', { key: name, node, location }: PatternEntry, table: TableDef): Test {
    const source: SourceText = { text: name, ruleId: this.ruleId, location, locate: () => location }
    const tested = asksForExistence(node)
    const columns = columnsOf(table)
    const column = (image === 'key' ? columns.findKey(name) : columns.find(name))?.name
    if (column === undefined && !tested) {
      throw image === 'key' ? notInKey(source, table, name) : unknownColumn(source, table, name)
    }
    const matches = compilePattern(node)
    const read = columnReader(image, column)
    return (change) => {
      if (image !== 'key' && change[image] === null) return false
      const value = read(change)
      if (value === undefined && column !== undefined && !tested) throw absentColumn(source, table, column)
      return matches(value)
    }
  }
}

function bindField(key: string, node: PatternNode, matches: Matches): Test {
  const included = key === 'changed' ? includedColumns(node) : undefined
  if (included !== undefined) return (change) => included.every((name) => isChanged(name, change))
  const read = rowField(key)
  return (change) => matches(read(change))
}

function columnReader(image: 'new' | 'old' | 'key', column: string | undefined): (change: Change) => Value {
  if (column === undefined) return () => undefined
  if (image === 'key') return (change) => keyValue(column, change.old, change.new)
  return (change) => (change[image] as Row)[column]
}

/** The entries of a row's pattern: what stands in `payload` stands at its root as well. */
function rowEntries({ entries }: PatternMap): readonly PatternEntry[] {
  return entries.flatMap((entry) =>
    entry.key === 'payload' && entry.node.tag === 'map' ? entry.node.entries : [entry],
  )
}

/** Reads a field of a row's event. Those of the event's JSON that are not listed are rarely asked for. */
function rowField(key: string): (change: Change) => Value {
  switch (key) {
    case 'new':
    case 'old':
    case 'type':
      return (change) => change[key]
    case 'op':
      return ({ op }) => op
    case 'schema':
      return ({ table }) => table.schema
    case 'table':
      return ({ table }) => table.name
    case 'source':
      return () => 'database'
    case 'key':
      return ({ table, old, new: new_ }) => (old === null && new_ === null ? null : keyOf(table, old, new_))
    case 'changed':
      return (change) => changedColumns(change.table, change)
    case 'payload':
      return (change) =>
        Object.fromEntries(['new', 'old', 'key', 'changed'].map((name) => [name, rowField(name)(change)]))
    default:
      return (change) => (toChangeEvent(change) as unknown as Fields)[key]
  }
}

function readsOf({ key, node }: PatternEntry, table: TableDef): ColumnReads {
  const columns = columnsOf(table)
  const named = (names: readonly string[]): ReadonlySet<string> =>
    new Set(names.map((name) => columns.find(name)?.name).filter((name) => name !== undefined))
  if (key === 'changed') {
    const included = includedColumns(node)
    return included === undefined ? READS_WHOLE_ROW : { new: named(included), old: named(included) }
  }
  if (key === 'payload') return READS_WHOLE_ROW
  // The others are part of every change, the columns of the key too.
  if (node.tag !== 'map' || (key !== 'new' && key !== 'old')) return READS_NOTHING
  return { ...READS_NOTHING, [key]: named(node.entries.map((entry) => entry.key)) }
}

/** `changed: [{$includes: status}]` asks for these columns only. */
function includedColumns(node: PatternNode): readonly string[] | undefined {
  if (node.tag !== 'operators') return undefined
  const names = node.operators.map(({ name, operand }) => (name === '$includes' ? operand : undefined))
  return names.every((name) => typeof name === 'string') ? names : undefined
}

function isChanged(name: string, { table, old, new: new_ }: Change): boolean {
  const column = columnsOf(table).find(name)?.name
  return column !== undefined && columnChanged(column, old, new_)
}

function asksForExistence(node: PatternNode): boolean {
  return node.tag === 'operators' && node.operators.some(({ name }) => name === '$exists')
}

/** Integers beyond 2^53 are left out: a column may hold one as bigint or as number, and both are the same. */
function isExact(value: Literal): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Math.abs(Number(value)) <= Number.MAX_SAFE_INTEGER
}

function necessaryOf(entries: readonly PatternEntry[]): Predicate['necessary'] {
  return entries.flatMap(({ key, node }) => {
    if ((key !== 'new' && key !== 'old') || node.tag !== 'map') return []
    return node.entries.flatMap(({ key: column, node: clause }) =>
      clause.tag === 'values' && clause.values.every(isExact) ? [{ image: key, column, values: clause.values }] : [],
    )
  })
}
