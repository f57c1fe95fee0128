import { createHash } from 'node:crypto'
import type { Operation } from '../../model/event/row.ts'
import type { SourceLocation } from '../../model/errors.ts'
import type { ActionPlan, DebounceOptions, Rule } from '../../model/rule/rule.ts'
import { printLocation } from '../language/source-text.ts'
import { RULE_CODES } from '../codes.ts'
import { DELIVERY_KEYS, readDelivery } from './delivery-options.ts'
import { distinct } from '../action-identity.ts'
import { readAction, readPredicate } from './read-action.ts'
import type { RuleContext } from './read-action.ts'
import { factsOfFilter, readFacts, readLookups } from './read-lookups.ts'
import { readThreshold } from './read-threshold.ts'
import { warnOfUnused } from './used-lookups.ts'
import { readCancelOn } from './read-cancel-on.ts'
import { readRecheck, recheckWithoutRows } from './read-recheck.ts'
import { readKey } from './read-key.ts'
import { readMatch } from './read-match.ts'
import { ON_KEYS, operationsOf, readOn, tablesOf } from './read-on.ts'
import type { ReadOn } from './read-on.ts'
import { settleKinds } from '../check-kinds.ts'
import type { ActionChecks, RuleChecks } from '../rule-checks.ts'
import { readTables } from './read-tables.ts'
import { ValueReader } from './read-values.ts'
import { entryOf, plainValue } from '../yaml/tree.ts'
import type { MapNode, TreeNode } from '../yaml/tree.ts'

export const RULE_KEYS = [
  'id',
  'description',
  'tags',
  'enabled',
  'table',
  'events',
  'on',
  ...ON_KEYS,
  'manual',
  'match',
  'filter',
  'key',
  'lookup',
  'threshold',
  'debounce',
  'coalesce',
  'delay',
  'cancelOn',
  'recheck',
  ...DELIVERY_KEYS,
  'actions',
] as const
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
  const before = context.reporter.errorCount
  const id = readId(map, outer, seen) ?? `rules[${position}]`
  const reader = new ValueReader(context.reporter, id)
  reader.knownKeys(map, 'a rule', RULE_KEYS)
  const given = readOn(map, reader)
  const scope = entryOf(map, 'on') === undefined ? undefined : ('events' as const)
  const { tables, operations } = readTables(map, scope !== undefined, reader)
  const actions: ActionPlan[] = []
  const checks: ActionChecks[] = []
  const facts = readFacts(map)
  const lookups = readLookups(map, facts, { rule: id, scope, reader, context })
  const filter = field(map, 'filter', (value) =>
    readPredicate(value, 'filter', reader, { ruleId: id, scope }, factsOfFilter(facts)),
  )
  const match = field(map, 'match', (value) => readMatch(value, reader, { ruleId: id, scope }))
  const key = field(map, 'key', (value) => readKey(value, reader, { ruleId: id, scope }))
  const listened = new Set<Operation>(operations)
  const rule: Rule = {
    id,
    description: field(map, 'description', (value) => reader.string(value, 'description')) ?? null,
    tags: field(map, 'tags', (value) => reader.strings(value, 'tags')) ?? [],
    location: map.location,
    version: versionOf(map),
    operations: listened,
    match: match ?? null,
    filter: filter?.predicate ?? null,
    key: key?.key ?? null,
    lookups: lookups.lookups,
    threshold:
      field(map, 'threshold', (value) => readThreshold(value, reader, { ruleId: id, scope }, context.reporter)) ?? null,
    actions,
    debounce: field(map, 'debounce', (value) => readDebounce(value, reader)) ?? null,
    delayMs: field(map, 'delay', (value) => reader.duration(value, 'delay', { least: 0, most: LONGEST_DELAY_MS })) ?? 0,
    cancelOn:
      field(map, 'cancelOn', (value) => readCancelOn(value, map, { reader, of: { ruleId: id, scope }, facts })) ?? null,
    recheck: field(map, 'recheck', (value) => readRecheck(value, map, operations, reader)) ?? null,
    on: given?.on ?? null,
    manual: field(map, 'manual', (value) => reader.boolean(value, 'manual')) ?? false,
    matchesTable: (schema, table) => [...listened].some((operation) => rule.listensTo(operation, schema, table)),
    listensTo: (operation, schema, table) =>
      given === undefined
        ? listened.has(operation) && tables.some(({ matches }) => matches(schema, table))
        : given.listensTo(operation, schema, table),
  }
  const coalesce = field(map, 'coalesce', (value) => reader.oneOf(value, 'coalesce', ['latest', 'none'] as const))
  const enabled = field(map, 'enabled', (value) => reader.boolean(value, 'enabled')) ?? true
  readDelivery(map, context.delivery, reader)
  const of = { rule, scope, facts, delivery: map, coalesce, checks, ids: new Set<string>() }
  const around = enabled ? context : withoutStores(context)
  const plans = readActions(map, reader).flatMap((action, index) => readAction(action, index, of, around) ?? [])
  actions.push(...distinct(plans))
  warnOfUnused(lookups.lookups, plans, reader)
  if (context.reporter.errorCount > before) return undefined
  const texts = { match: match?.map, filter: filter?.text, key: key?.template, actions: [...checks, ...lookups.checks] }
  return settled({ rule, enabled, checks: { rule, tables, ...texts } }, given, listened, context)
}

/** A rule that is disabled makes no events: it may wait in a file for the day on which something keeps them. */
function withoutStores(context: RuleContext): RuleContext {
  return { ...context, defaults: { ...context.defaults, keepsEvents: undefined, keepsStreams: undefined } }
}

/** What a rule with `on` listens to is known when all that it reads is. */
function settled(
  read: ReadRule,
  given: ReadOn | undefined,
  listened: Set<Operation>,
  { reporter }: RuleContext,
): ReadRule | undefined {
  if (given === undefined) return read
  const problems = [...settleKinds(given, read.checks), ...recheckWithoutRows(read.rule)]
  reporter.add(problems)
  for (const operation of operationsOf(given)) listened.add(operation)
  return problems.length > 0 ? undefined : { ...read, checks: { ...read.checks, tables: tablesOf(given) } }
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
