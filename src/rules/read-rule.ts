import { createHash } from 'node:crypto'
import type { ActionPlan } from '../model/rule/action.ts'
import type { Operation } from '../model/event/change.ts'
import type { SourceLocation } from '../model/errors.ts'
import type { DebounceOptions, Rule } from '../model/rule/rule.ts'
import { printLocation } from './language/source-text.ts'
import { RULE_CODES } from './codes.ts'
import { DELIVERY_KEYS, readDelivery } from './delivery-options.ts'
import { distinct } from './action-identity.ts'
import { readAction, readPredicate } from './read-action.ts'
import { factsOfFilter, readFacts, readLookups } from './read-lookups.ts'
import { warnOfUnused } from './used-lookups.ts'
import { readKey } from './read-key.ts'
import { readMatch } from './read-match.ts'
import type { RuleContext } from './read-action.ts'
import type { ActionChecks, NamedTable, RuleChecks } from './rule-checks.ts'
import { ValueReader } from './read-values.ts'
import { compileTablePattern, TABLE_PATTERN_HINT } from './table-pattern.ts'
import { entryOf, plainValue } from './yaml/tree.ts'
import type { MapNode, TreeNode } from './yaml/tree.ts'

export const RULE_KEYS = [
  'id',
  'description',
  'tags',
  'enabled',
  'table',
  'events',
  'match',
  'filter',
  'key',
  'lookup',
  'debounce',
  'coalesce',
  'delay',
  ...DELIVERY_KEYS,
  'actions',
] as const
const OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete', 'truncate', 'ddl', 'gap']
const ROW_OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete']
const ROWS = 'omit events to match INSERT, UPDATE and DELETE'
const STATEMENTS = 'write events: [DDL] for statements that change a table'
/** What people write for operations that are called otherwise here. */
const OTHER_OPERATIONS: ReadonlyMap<string, string> = new Map([
  ['upsert', 'write events: [INSERT, UPDATE]: the binlog has one of the two'],
  ['replace', 'write events: [INSERT, UPDATE, DELETE]: the binlog has the effect of a REPLACE'],
  ['write', 'write events: [INSERT, UPDATE]'],
  ['change', 'write events: [UPDATE]'],
  ['modify', 'write events: [UPDATE]'],
  ['remove', 'write events: [DELETE]'],
  ...['all', 'any', '*'].map((word) => [word, ROWS] as const),
  ...['create', 'alter', 'drop', 'rename'].map((word) => [word, STATEMENTS] as const),
])
/** A key that changes all the time waits for this many windows at most, when the rule does not say. */
const WINDOWS_PER_MAX_WAIT = 10
const DEFAULT_MAX_BATCH = 1000
const HOUR_MS = 3_600_000
const WINDOW = { least: 0, most: HOUR_MS }
const MAX_WAIT = { least: 0, most: 24 * HOUR_MS }
/** A delayed event holds the checkpoint back. */
const LONGEST_DELAY_MS = 7 * 24 * HOUR_MS

export interface ReadRule {
  readonly rule: Rule
  readonly enabled: boolean
  readonly checks: RuleChecks
}

/** Reads one rule; undefined when it cannot be used (what is wrong is reported). `seen`: ids met so far. */
export function readRule(
  node: TreeNode,
  position: number,
  seen: Map<string, SourceLocation>,
  context: RuleContext,
): ReadRule | undefined {
  const outer = new ValueReader(context.reporter, undefined)
  const map = outer.map(node, `rules[${position}]`, 'start each rule with - id: "name"')
  if (map === undefined) return undefined
  const before = context.reporter.errors.length
  const id = readId(map, outer, seen) ?? `rules[${position}]`
  const reader = new ValueReader(context.reporter, id)
  reader.knownKeys(map, 'a rule', RULE_KEYS)
  const operations = readOperations(map, reader)
  const tables = readTables(map, operations, reader)
  const actions: ActionPlan[] = []
  const checks: ActionChecks[] = []
  const facts = readFacts(map)
  const lookups = readLookups(map, facts, { rule: id, reader, context })
  const filter = field(map, 'filter', (value) => readPredicate(value, 'filter', reader, id, factsOfFilter(facts)))
  const rule: Rule = {
    id,
    description: field(map, 'description', (value) => reader.string(value, 'description')) ?? null,
    tags: field(map, 'tags', (value) => reader.strings(value, 'tags')) ?? [],
    location: map.location,
    version: versionOf(map),
    operations: new Set(operations),
    match: field(map, 'match', (value) => readMatch(value, reader, id)) ?? null,
    filter: filter?.predicate ?? null,
    key: field(map, 'key', (value) => readKey(value, reader, id, context.reporter)) ?? null,
    lookups: lookups.lookups,
    actions,
    debounce: field(map, 'debounce', (value) => readDebounce(value, reader)) ?? null,
    delayMs: field(map, 'delay', (value) => reader.duration(value, 'delay', { least: 0, most: LONGEST_DELAY_MS })) ?? 0,
    matchesTable: (schema, table) => tables.some(({ matches }) => matches(schema, table)),
  }
  const coalesce = field(map, 'coalesce', (value) => reader.oneOf(value, 'coalesce', ['latest', 'none'] as const))
  const enabled = field(map, 'enabled', (value) => reader.boolean(value, 'enabled')) ?? true
  readDelivery(map, context.delivery, reader)
  const plans: ActionPlan[] = []
  const ids = new Set<string>()
  readActions(map, reader).forEach((action, index) => {
    const plan = readAction(action, index, { rule, facts, delivery: map, coalesce, checks, ids }, context)
    if (plan !== undefined) plans.push(plan)
  })
  actions.push(...distinct(plans))
  warnOfUnused(lookups.lookups, plans, reader)
  return context.reporter.errors.length > before
    ? undefined
    : { rule, enabled, checks: { rule, tables, filter: filter?.text, actions: [...checks, ...lookups.checks] } }
}

function field<T>(map: MapNode, key: string, read: (node: TreeNode) => T | undefined): T | undefined {
  const entry = entryOf(map, key)
  return entry && read(entry.value)
}

function readId(map: MapNode, reader: ValueReader, seen: Map<string, SourceLocation>): string | undefined {
  const entry = entryOf(map, 'id')
  if (entry === undefined) {
    return reader.fail(map, RULE_CODES.missing, 'a rule needs "id"', 'write for example id: "user_cache_invalidate"')
  }
  const id = reader.string(entry.value, 'id')
  if (id === undefined) return undefined
  // Ids are parts of dead-letter ids (EVENT#RULE#ACTION) and of log lines.
  if (!/^[^\p{Cc}#]{1,128}$/u.test(id) || id.trim() !== id) {
    const hint = 'write 1 to 128 characters without #, control characters, or leading or trailing spaces'
    return reader.fail(entry.value, RULE_CODES.value, 'the rule id is not valid', hint)
  }
  const first = seen.get(id)
  if (first !== undefined) {
    const message = `the id "${id}" is already used at ${printLocation(first)}`
    reader.fail(entry.value, RULE_CODES.duplicateId, message, 'rename one of the two')
    return id
  }
  seen.set(id, entry.value.location)
  return id
}

function readTables(map: MapNode, operations: readonly Operation[], reader: ValueReader): readonly NamedTable[] {
  const entry = entryOf(map, 'table')
  if (entry === undefined) {
    if (operations.length > 0 && operations.every((operation) => operation === 'gap')) return []
    reader.fail(map, RULE_CODES.missing, 'a rule needs "table"', 'write table: users, table: shop.*, or a list')
    return []
  }
  const nodes = entry.value.tag === 'list' ? entry.value.items : [entry.value]
  if (nodes.length === 0) reader.fail(entry.value, RULE_CODES.value, 'the list of tables is empty')
  return nodes.flatMap((node) => {
    const pattern = reader.string(node, 'table')
    if (pattern === undefined) return []
    const matches = compileTablePattern(pattern)
    if (matches !== undefined) return [{ pattern, location: node.location, matches }]
    reader.fail(
      node,
      RULE_CODES.value,
      `"${pattern}" is not a valid table name or pattern`,
      `write a pattern ${TABLE_PATTERN_HINT}`,
    )
    return []
  })
}

function readOperations(map: MapNode, reader: ValueReader): readonly Operation[] {
  const entry = entryOf(map, 'events')
  if (entry === undefined) return ROW_OPERATIONS
  const nodes = entry.value.tag === 'list' ? entry.value.items : [entry.value]
  if (nodes.length === 0) reader.fail(entry.value, RULE_CODES.value, 'events is empty: the rule would never match')
  return nodes
    .map((node) => reader.oneOf(node, 'events', OPERATIONS, OTHER_OPERATIONS))
    .filter((each) => each !== undefined)
}

function readDebounce(node: TreeNode, reader: ValueReader): DebounceOptions | undefined {
  if (node.tag !== 'map') {
    const windowMs = reader.duration(node, 'debounce', WINDOW)
    return windowMs === undefined ? undefined : withDefaults(windowMs, undefined, undefined)
  }
  reader.knownKeys(node, 'debounce', ['window', 'maxWait', 'maxBatch'])
  const window = entryOf(node, 'window')
  if (window === undefined) {
    return reader.fail(
      node,
      RULE_CODES.missing,
      'debounce needs "window"',
      'write for example debounce: {window: 100ms}',
    )
  }
  const windowMs = reader.duration(window.value, 'debounce.window', WINDOW)
  const maxWaitMs = field(node, 'maxWait', (value) => reader.duration(value, 'debounce.maxWait', MAX_WAIT))
  const maxBatch = field(node, 'maxBatch', (value) => reader.integer(value, 'debounce.maxBatch', 1))
  if (windowMs === undefined) return undefined
  if (maxWaitMs !== undefined && maxWaitMs < windowMs) {
    return reader.fail(entryOf(node, 'maxWait')!.value, RULE_CODES.value, 'maxWait is shorter than window')
  }
  return withDefaults(windowMs, maxWaitMs, maxBatch)
}

function withDefaults(windowMs: number, maxWaitMs: number | undefined, maxBatch: number | undefined): DebounceOptions {
  return {
    windowMs,
    maxWaitMs: maxWaitMs ?? windowMs * WINDOWS_PER_MAX_WAIT,
    maxBatch: maxBatch ?? DEFAULT_MAX_BATCH,
  }
}

function readActions(map: MapNode, reader: ValueReader): readonly TreeNode[] {
  const entry = entryOf(map, 'actions')
  if (entry === undefined) {
    reader.fail(
      map,
      RULE_CODES.missing,
      'a rule needs "actions"',
      'write for example actions: [{type: redis, cmd: DEL, key: …}]',
    )
    return []
  }
  const list = reader.list(entry.value, 'actions', 'put - before each action')
  if (list?.items.length === 0) reader.fail(entry.value, RULE_CODES.value, 'actions is empty')
  return list?.items ?? []
}

/** Stable over reformatting: hash of the rule's data, secrets unresolved. */
function versionOf(map: MapNode): string {
  return createHash('sha256')
    .update(JSON.stringify(plainValue(map)))
    .digest('hex')
    .slice(0, 12)
}
