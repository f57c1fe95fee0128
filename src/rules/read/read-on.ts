import type { Operation } from '../../model/event/row.ts'
import { typePattern } from '../../model/event/posted/type-pattern.ts'
import type { SourceLocation } from '../../model/errors.ts'
import type { EventKind, OnEvents } from '../../model/rule/rule.ts'
import { RULE_CODES } from '../codes.ts'
import type { ValueReader } from './read-values.ts'
import type { NamedTable } from '../rule-checks.ts'
import { entryOf } from '../yaml/tree.ts'
import type { MapNode, TreeNode } from '../yaml/tree.ts'

/** What is only said of rules with `on`. */
export const ON_KEYS = ['source', 'test'] as const

/** What a row change is called last in its type. */
const ROW_TYPES: ReadonlyMap<Operation, string> = new Map([
  ['insert', 'create'],
  ['update', 'update'],
  ['delete', 'delete'],
])
const ALL: readonly Operation[] = [...ROW_TYPES.keys(), 'truncate', 'ddl']
const ROW_SOURCE = 'database'
const HINT = 'write parts with dots between them: orders.order.create, orders.*.create, orders.**, or * for everything'

/** `on`, with the kinds of events that are still to be settled (check-kinds.ts), and what of rows the patterns match. */
export interface ReadOn {
  readonly on: OnEvents & { readonly kinds: Set<EventKind> }
  readonly location: SourceLocation
  /** Of each pattern. */
  readonly places: readonly SourceLocation[]
  /** What the rule can be for, by what it says of types and sources. */
  readonly possible: ReadonlySet<EventKind>
  listensTo(operation: Operation, schema: string, table: string): boolean
}

/** Reads `on`, `source` and `test`; undefined when there is none, or none that can be used (what is wrong is reported). */
export function readOn(map: MapNode, reader: ValueReader): ReadOn | undefined {
  const entry = entryOf(map, 'on')
  if (entry === undefined) return refuseWithout(map, reader)
  const read = readPatterns(entry.value, reader)
  const patterns = read.map(({ pattern }) => pattern)
  const given = entryOf(map, 'source')
  const sources = given && new Set(reader.strings(given.value, 'source') ?? [])
  if (given !== undefined && sources?.size === 0) reader.fail(given.value, RULE_CODES.value, 'source is empty')
  const test = entryOf(map, 'test')
  const tests = (test && reader.oneOf(test.value, 'test', ['exclude', 'only', 'any'] as const)) ?? 'any'
  if (patterns.length === 0) return undefined
  const matchers = patterns.map((pattern) => ({ pattern, matches: typePattern(pattern) }))
  const possible = new Set<EventKind>()
  const ofRows = sources === undefined || sources.has(ROW_SOURCE)
  if (ofRows && tests !== 'only' && patterns.some(canBeOfRow)) possible.add('row')
  if (sources === undefined || [...sources].some((source) => source !== ROW_SOURCE)) possible.add('posted')
  const on = {
    patterns,
    matches: (type: string) => matchers.some(({ matches }) => matches(type)),
    sources: sources ?? null,
    kinds: new Set<EventKind>(),
    test: tests,
  }
  return {
    on,
    location: entry.value.location,
    places: read.map(({ location }) => location),
    possible,
    listensTo: (operation, schema, table) =>
      on.kinds.has('row') && matchers.some((matcher) => matchesRow(matcher, operation, schema, table)),
  }
}

function refuseWithout(map: MapNode, reader: ValueReader): undefined {
  for (const key of ON_KEYS) {
    const entry = entryOf(map, key)
    if (entry === undefined) continue
    const message = `"${key}" is for rules with on: instead of table:`
    reader.fail({ location: entry.keyLocation }, RULE_CODES.value, message, 'write for example on: shop.users.create')
  }
  return undefined
}

interface PlacedPattern {
  readonly pattern: string
  readonly location: SourceLocation
}

function readPatterns(node: TreeNode, reader: ValueReader): readonly PlacedPattern[] {
  const nodes = node.tag === 'list' ? node.items : [node]
  if (nodes.length === 0) reader.fail(node, RULE_CODES.value, 'on is empty: the rule would never match', HINT)
  return nodes.flatMap((each) => {
    const pattern = reader.string(each, 'on')
    if (pattern === undefined) return []
    if (isTypePattern(pattern)) return [{ pattern, location: each.location }]
    reader.fail(each, RULE_CODES.value, `"${pattern}" is not a valid type or pattern of types`, HINT)
    return []
  })
}

/** `*` is a part of its own, and `**` the last one. */
export function isTypePattern(pattern: string): boolean {
  const parts = pattern.split('.')
  return parts.every((part, i) => {
    if (part === '' || /[\s\p{Cc}]/u.test(part)) return false
    return !part.includes('*') || part === '*' || (part === '**' && i === parts.length - 1)
  })
}

function canBeOfRow(pattern: string): boolean {
  const last = pattern.slice(pattern.lastIndexOf('.') + 1)
  return last.startsWith('*') || [...ROW_TYPES.values(), 'truncate', 'ddl'].includes(last)
}

interface TypeMatcher {
  readonly pattern: string
  matches(type: string): boolean
}

/** TRUNCATE and DDL have no rows: a rule has to name them, and a wildcard does not. */
function matchesRow(matcher: TypeMatcher, operation: Operation, schema: string, table: string): boolean {
  const last = ROW_TYPES.get(operation)
  const isNamed = (operation === 'truncate' || operation === 'ddl') && matcher.pattern.endsWith(`.${operation}`)
  if (last === undefined && !isNamed) return false
  return matcher.matches([schema, table, last ?? operation].filter((part) => part !== '').join('.'))
}

/** The patterns of a rule that is for rows alone, to be checked against the tables of a source. */
export function tablesOf({ on, location, places }: ReadOn): readonly NamedTable[] {
  if (on.kinds.has('posted')) return []
  return on.patterns.map((pattern, i) => {
    const matcher = { pattern, matches: typePattern(pattern) }
    return {
      pattern,
      operation: pattern.slice(pattern.lastIndexOf('.') + 1),
      location: places[i] ?? location,
      matches: (schema, table) => ALL.some((operation) => matchesRow(matcher, operation, schema, table)),
    }
  })
}

/** Operations that a rule with `on` can listen to, of whatever table. */
export function operationsOf({ on }: ReadOn): readonly Operation[] {
  const ends = on.patterns.map((pattern) => pattern.slice(pattern.lastIndexOf('.') + 1))
  const rows = [...ROW_TYPES].filter(([, last]) => ends.some((end) => end.startsWith('*') || end === last))
  const statements = (['truncate', 'ddl'] as const).filter((operation) => ends.includes(operation))
  return [
    ...(on.kinds.has('row') ? [...rows.map(([operation]) => operation), ...statements] : []),
    ...(on.kinds.has('posted') ? (['event'] as const) : []),
  ]
}

/** Why a rule is for nothing at all; undefined when it is for something. */
export function whyNothing({ on, possible }: ReadOn): string | undefined {
  if (possible.size > 0) return undefined
  return on.test === 'only'
    ? 'row changes are never a test, and source names only the database: the rule never matches'
    : `no row change has such a type: they end in ${[...ROW_TYPES.values()].join(', ')}, and source names only the database`
}
