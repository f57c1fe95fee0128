import { createHash } from 'node:crypto'
import type { SourceLocation } from '../../model/errors.ts'
import { makeRule } from '../../model/rule/made-rule.ts'
import type { ActionPlan, Rule } from '../../model/rule/rule.ts'
import type { SagaDefinition, SagaRule, SagaStep, SagaTrigger } from '../../model/saga/definition.ts'
import { SAGA_ACTION } from '../../model/saga/sink.ts'
import { RULE_CODES } from '../codes.ts'
import { printLocation } from '../language/source-text.ts'
import type { RuleContext } from '../read/read-action.ts'
import { ValueReader } from '../read/read-values.ts'
import type { RuleChecks } from '../rule-checks.ts'
import { entryOf, plainValue, type MapNode, type TreeNode } from '../yaml/tree.ts'
import { LONGEST, readStep, readStepId } from './read-step.ts'
import { textOfNode } from './saga-text.ts'
import { LISTEN_KEYS, readSignalRule, type SignalOf } from './signal-rule.ts'

export const SAGA_KEYS = ['id', 'description', 'enabled', ...LISTEN_KEYS, 'key', 'deadline', 'steps'] as const
const SIGNAL_KEYS = [...LISTEN_KEYS, 'key']
const ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/

export interface ReadSaga {
  readonly definition: SagaDefinition
  readonly enabled: boolean
  readonly checks: readonly RuleChecks[]
}

/** What the rules of all files share. */
export interface SagaScope {
  readonly context: RuleContext
  /** Ids of sagas met so far. */
  readonly seen: Map<string, SourceLocation>
  /** Ids of rules met so far. */
  readonly rules: Map<string, SourceLocation>
  /** It is read for instances that began with it: the files say something else by now. */
  readonly isFormer: boolean
}

/** Reads one saga; undefined when it cannot be used (what is wrong is reported). */
export function readSaga(node: TreeNode, position: number, scope: SagaScope): ReadSaga | undefined {
  const { reporter } = scope.context
  const outer = new ValueReader(reporter, undefined)
  const map = outer.map(node, `sagas[${position}]`, 'start each saga with - id: name')
  if (map === undefined) return undefined
  const before = reporter.errorCount
  const id = readId(map, outer, scope.seen) ?? `sagas[${position}]`
  const reader = new ValueReader(reporter, id)
  reader.knownKeys(map, 'a saga', SAGA_KEYS)
  const version = createHash('sha256')
    .update(JSON.stringify(plainValue(map)))
    .digest('hex')
    .slice(0, 12)
  const stages = readStages(map, commandRule(id, version, map), reader, scope.context)
  const rules = readRules(map, { saga: id, version, isFormer: scope.isFormer }, reader, scope)
  const given = <T>(key: string, read: (value: TreeNode) => T | undefined): T | undefined => {
    const entry = entryOf(map, key)
    return entry && read(entry.value)
  }
  const description = given('description', (value) => reader.string(value, 'description')) ?? null
  const deadlineMs = given('deadline', (value) => reader.duration(value, 'deadline', LONGEST)) ?? null
  const enabled = given('enabled', (value) => reader.boolean(value, 'enabled')) ?? true
  if (reporter.errorCount > before) return undefined
  const { file, line } = map.location
  const source = { id, version, file, line, text: textOfNode(map) }
  return {
    definition: {
      id,
      version,
      description,
      location: map.location,
      deadlineMs,
      stages: stages.map((steps) => steps.flatMap(({ step }) => step ?? [])),
      rules: rules.map(({ rule }) => rule),
      source,
    },
    enabled,
    checks: rules.map(({ checks }) => checks),
  }
}

function readId(map: MapNode, reader: ValueReader, seen: Map<string, SourceLocation>): string | undefined {
  const entry = entryOf(map, 'id')
  if (entry === undefined)
    return reader.fail(map, RULE_CODES.missing, 'a saga needs "id"', 'write for example id: order_fulfilment')
  const id = reader.string(entry.value, 'id')
  if (id === undefined) return undefined
  if (!ID.test(id)) {
    return reader.fail(
      entry.value,
      RULE_CODES.value,
      'the id of the saga is not valid',
      'write 1 to 64 letters, digits, _, - and .',
    )
  }
  const first = seen.get(id)
  if (first !== undefined) {
    return reader.fail(
      entry.value,
      RULE_CODES.duplicateId,
      `the id "${id}" is already used at ${printLocation(first)}`,
      'rename one of the two',
    )
  }
  seen.set(id, entry.value.location)
  return id
}

/** What the actions of a saga name as their rule: nothing matches it. */
function commandRule(id: string, version: string, { location }: MapNode): Rule {
  return makeRule(
    {
      id: `saga ${id}`,
      location,
      version,
      operations: new Set(),
      matchesTable: () => false,
      listensTo: () => false,
    },
    {
      identity: SAGA_ACTION,
      target: { id: 'sagas', type: SAGA_ACTION, options: null },
      onFailure: 'park',
      retry: { attempts: 1, maxAgeMs: Infinity, minMs: 1, maxMs: 1 },
      timeoutMs: 1,
      bind: () => () => null,
      options: null,
    },
  )
}

/** Every action that a saga sends. */
export function commandsOf({ stages }: SagaDefinition): readonly ActionPlan[] {
  return stages.flat().flatMap(({ action, compensate }) => (compensate === null ? [action] : [action, compensate]))
}

interface PlacedStep {
  readonly id: string
  readonly map: MapNode
  readonly step?: SagaStep | undefined
}

function readStages(
  map: MapNode,
  rule: Rule,
  reader: ValueReader,
  context: RuleContext,
): readonly (readonly PlacedStep[])[] {
  const entry = entryOf(map, 'steps')
  const hint = 'write for example steps: [{id: reserve, action: {type: webhook, url: …}}]'
  if (entry === undefined) {
    reader.fail(map, RULE_CODES.missing, 'a saga needs "steps"', hint)
    return []
  }
  const list = reader.list(entry.value, 'steps', 'put - before each step')
  if (list?.items.length === 0) reader.fail(list, RULE_CODES.value, 'steps is empty', hint)
  const seen = new Map<string, SourceLocation>()
  const placed = (list?.items ?? []).map((item) => placedSteps(item, seen, reader))
  const all = placed.flat().map(({ id }) => id)
  return placed.map((stage, at) => {
    const before = placed.slice(0, at).flatMap((steps) => steps.map(({ id }) => id))
    return stage.map((each) => ({
      ...each,
      step: readStep(each.map, each.id, { rule, reader, context, before, all }),
    }))
  })
}

function placedSteps(item: TreeNode, seen: Map<string, SourceLocation>, reader: ValueReader): readonly PlacedStep[] {
  const map = reader.map(item, 'a step', 'write for example - id: reserve')
  if (map === undefined) return []
  const parallel = entryOf(map, 'parallel')
  if (parallel !== undefined) {
    reader.knownKeys(map, 'a parallel group', ['parallel'])
    const list = reader.list(parallel.value, 'parallel', 'put - before each step')
    if (list?.items.length === 0) reader.fail(list, RULE_CODES.value, 'parallel is empty', 'write at least one step')
    return (list?.items ?? []).flatMap((each) => singleStep(each, seen, reader) ?? [])
  }
  const step = singleStep(map, seen, reader)
  return step === undefined ? [] : [step]
}

function singleStep(node: TreeNode, seen: Map<string, SourceLocation>, reader: ValueReader): PlacedStep | undefined {
  const map = reader.map(node, 'a step', 'write for example - id: reserve')
  const id = map && readStepId(map, reader)
  if (map === undefined || id === undefined) return undefined
  const first = seen.get(id)
  if (first !== undefined) {
    const message = `another step has the id "${id}" (${printLocation(first)})`
    return reader.fail(entryOf(map, 'id')!.value, RULE_CODES.duplicateId, message, 'rename one of the two')
  }
  seen.set(id, map.location)
  return { id, map }
}

interface ReadRuleOfSaga {
  readonly rule: SagaRule
  readonly checks: RuleChecks
}

function readRules(
  map: MapNode,
  of: Omit<SignalOf, 'trigger'>,
  reader: ValueReader,
  { context, rules }: SagaScope,
): readonly ReadRuleOfSaga[] {
  const key = entryOf(map, 'key')?.value
  if (key === undefined) {
    reader.fail(
      map,
      RULE_CODES.missing,
      'a saga needs "key"',
      'write what its events have in common: key: "{{payload.orderId}}"',
    )
    return []
  }
  const read = (from: MapNode, by: TreeNode, trigger: SagaTrigger): readonly ReadRuleOfSaga[] => {
    const checks = readSignalRule(from, by, { ...of, trigger }, rules, context)
    return checks === undefined ? [] : [{ rule: { trigger, location: from.location, rule: checks.rule }, checks }]
  }
  const listened = stepMaps(map).flatMap(({ step, id }) =>
    (['confirm', 'reject'] as const).flatMap((tag) => {
      const entry = entryOf(step, tag)
      const from = entry && reader.map(entry.value, tag, `write for example ${tag}: {on: "inventory.reserved", key: …}`)
      if (from === undefined) return []
      reader.knownKeys(from, tag, SIGNAL_KEYS)
      return read(from, entryOf(from, 'key')?.value ?? key, { tag, step: id })
    }),
  )
  // What has changed since starts no more instances.
  return [...(of.isFormer ? [] : read(map, key, { tag: 'start' })), ...listened]
}

/** Steps that have an id, as they stand in the file. */
function stepMaps(map: MapNode): readonly { readonly id: string; readonly step: MapNode }[] {
  const list = entryOf(map, 'steps')?.value
  if (list?.tag !== 'list') return []
  const maps = list.items.flatMap((item) => {
    const parallel = item.tag === 'map' ? entryOf(item, 'parallel')?.value : undefined
    return parallel?.tag === 'list' ? parallel.items : [item]
  })
  return maps.flatMap((step) => {
    const id = step.tag === 'map' ? entryOf(step, 'id')?.value : undefined
    return step.tag === 'map' && id?.tag === 'scalar' && typeof id.value === 'string' ? [{ id: id.value, step }] : []
  })
}
