import { createHash } from 'node:crypto'
import { EvaluationError, ProblemsError } from '../../model/errors.ts'
import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import type { Structure, Template } from '../../model/rule/expression.ts'
import type { Counted, Threshold } from '../../model/rule/threshold.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import type { TableDef } from '../../model/table/table.ts'
import { RULE_CODES } from '../codes.ts'
import { sourceText } from '../files/rule-text.ts'
import { printLocation } from '../language/source-text.ts'
import type { SourceText } from '../language/source-text.ts'
import { Decimal } from '../language/decimal.ts'
import { compileStructure } from '../language/structure.ts'
import { compileTemplate } from '../language/template/template.ts'
import type { ValueReader } from './read-values.ts'
import type { Reporter } from '../reporter.ts'
import { entryOf } from '../yaml/tree.ts'
import type { MapNode, ScalarNode, TreeNode } from '../yaml/tree.ts'

const KEYS = ['count', 'sum', 'above', 'within', 'by', 'again', 'groups'] as const
const HINT = 'write threshold: {count: 100, within: 1m, by: "{{new.shop_id}}"}'
const WITHIN = { least: 1, most: 30 * 24 * 3_600_000 }
const AGAIN = { least: 0, most: 365 * 24 * 3_600_000 }
const DEFAULT_GROUPS = 10_000
const MOST_GROUPS = 100_000

/** Reads `threshold` of a rule; undefined when it cannot be used (what is wrong is reported). */
export function readThreshold(
  node: TreeNode,
  reader: ValueReader,
  { ruleId, scope }: Pick<SourceText, 'ruleId' | 'scope'>,
  reporter: Reporter,
): Threshold | undefined {
  const map = reader.map(node, 'threshold', HINT)
  if (map === undefined) return undefined
  reader.knownKeys(map, 'threshold', KEYS)
  const before = reporter.errorCount
  const within = entryOf(map, 'within')
  if (within === undefined) reader.fail(map, RULE_CODES.missing, 'threshold needs "within"', HINT)
  const above = readAbove(map, reader)
  const withinMs = within && reader.duration(within.value, 'within', WITHIN)
  const again = entryOf(map, 'again')
  const againMs = again === undefined ? withinMs : reader.duration(again.value, 'again', AGAIN)
  const mostGroups = readGroups(map, reader)
  const [by, sum] = ['by', 'sum'].map((key) => textOf(map, key, reader))
  const source = (text: ScalarNode) => sourceText(text, ruleId, scope)
  const byTemplate = by && compiled(reporter, () => compileTemplate(source(by)))
  const sumOf = sum && compiled(reporter, () => compileStructure({ tag: 'text', text: source(sum) }, sum.location))
  if (reporter.errorCount > before || withinMs === undefined || againMs === undefined) return undefined
  const parts = [by?.value ?? null, sum?.value ?? null, withinMs]
  return {
    location: map.location,
    groupedBy: by?.value === undefined ? null : String(by.value),
    version: createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 10),
    above: above ?? '0',
    sums: sumOf !== undefined,
    withinMs,
    againMs,
    mostGroups,
    ...countedBy(byTemplate, sumOf, ruleId),
  }
}

/** What has to be exceeded: `count`, or `above` with `sum`. */
function readAbove(map: MapNode, reader: ValueReader): string | undefined {
  const [count, sum, above] = ['count', 'sum', 'above'].map((key) => entryOf(map, key))
  if ((count === undefined) === (sum === undefined)) {
    return reader.fail(map, RULE_CODES.value, 'threshold needs either "count" or "sum"', HINT)
  }
  if (count !== undefined) {
    const stray = above && reader.fail(above.value, RULE_CODES.value, '"above" goes with "sum"', 'remove it')
    const number = reader.integer(count.value, 'count', 1)
    return number === undefined ? stray : String(number)
  }
  const hint = 'write threshold: {sum: "{{new.total}}", above: 10000, within: 1h}'
  if (above === undefined) return reader.fail(map, RULE_CODES.missing, '"sum" needs "above"', hint)
  const text = above.value.tag === 'scalar' ? above.value.written : ''
  const number = Decimal.of(text)
  return number === undefined ? reader.wrongType(above.value, 'above', 'a number', hint) : number.toString()
}

function readGroups(map: MapNode, reader: ValueReader): number {
  const entry = entryOf(map, 'groups')
  const groups = entry && reader.integer(entry.value, 'groups', 1)
  if (entry === undefined || groups === undefined) return DEFAULT_GROUPS
  if (groups > MOST_GROUPS) reader.fail(entry.value, RULE_CODES.value, `groups must be at most ${MOST_GROUPS}`)
  return groups
}

function textOf(map: MapNode, key: string, reader: ValueReader): ScalarNode | undefined {
  const entry = entryOf(map, key)
  const text = entry && reader.string(entry.value, key)
  if (entry === undefined || text === undefined || entry.value.tag !== 'scalar') return undefined
  if (text.includes('{{')) return entry.value
  const column = /^(?:(?:new|NewRow)\.)?([A-Za-z_]\w*)$/.exec(text.trim())?.[1] ?? 'shop_id'
  return reader.fail(entry.value, RULE_CODES.value, `${key} is the same for every row`, `write "{{new.${column}}}"`)
}

function compiled<T>(reporter: Reporter, compile: () => T): T | undefined {
  try {
    return compile()
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    reporter.add(error.problems)
    return undefined
  }
}

function countedBy(
  by: Template | undefined,
  sum: Structure | undefined,
  ruleId: string,
): Pick<Threshold, 'reads' | 'bind'> {
  const bound = new WeakMap<TableDef, (change: Change) => Counted>()
  const bind = (table: TableDef): ((change: Change) => Counted) => {
    const group = by?.bind(table)
    const value = sum?.bind(table)
    return (change) => ({
      by: group === undefined ? '' : group(change),
      amount: value === undefined ? null : amountOf(value(change) as Value, sum!, ruleId),
    })
  }
  return {
    reads: (table) => unionReads([by, sum].flatMap((part) => (part ? [part.reads(table)] : []))),
    bind: (table) => {
      let counted = bound.get(table)
      if (counted === undefined) bound.set(table, (counted = bind(table)))
      return counted
    },
  }
}

/** NULL adds nothing. */
function amountOf(value: Value, { location }: Structure, ruleId: string): string {
  if (value === null || value === undefined) return '0'
  const number = typeof value === 'object' || typeof value === 'boolean' ? undefined : Decimal.of(value)
  if (number !== undefined) return number.toString()
  throw new EvaluationError(
    'BINGO_THRESHOLD_SUM',
    `rule "${ruleId}": sum of the threshold is not a number (${printLocation(location)})`,
    { hint: 'add up a column of numbers' },
  )
}
