import { EVENT_SHAPE } from '../../model/event/posted/posted-event.ts'
import type { SagaStep, StepRetry } from '../../model/saga/definition.ts'
import { sagaChange } from '../../model/saga/events.ts'
import type { ActionPlan, Rule } from '../../model/rule/rule.ts'
import { RULE_CODES } from '../codes.ts'
import type { RuleFacts } from '../language/fact-values.ts'
import { readAction, readPredicate, type RuleContext } from '../read/read-action.ts'
import { readDelivery } from '../read/delivery-options.ts'
import type { ValueReader } from '../read/read-values.ts'
import { entryOf, type MapNode, type TreeNode } from '../yaml/tree.ts'

export const STEP_KEYS = [
  'id',
  'description',
  'action',
  'confirm',
  'reject',
  'timeout',
  'retry',
  'when',
  'compensate',
] as const

const DAY_MS = 86_400_000
export const LONGEST = { least: 1, most: 3_650 * DAY_MS }
/** Of a step that says nothing: a service that is down may be up again. */
const DO_RETRY: StepRetry = { attempts: 5, minMs: 1_000, maxMs: 60_000 }
/** After that many an instance is stuck; its undo is still repeated. */
const UNDO_RETRY: StepRetry = { attempts: 10, minMs: 1_000, maxMs: 300_000 }
/** Not of commands, which the journal holds: nothing is parked, and no other one waits behind them. */
const NOT_OF_COMMANDS = ['onFailure', 'when', 'rate'] as const
const HINTS: { readonly [key: string]: string } = {
  onFailure: 'remove it',
  rate: 'write it on a target under targets: it holds for rules and sagas together',
}
const ID = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/

/** What a step is read with. */
export interface StepContext {
  /** Stands for the rule of its actions. */
  readonly rule: Rule
  readonly reader: ValueReader
  readonly context: RuleContext
  /** Steps whose output its action can read. */
  readonly before: readonly string[]
  /** Those that its undo can read. */
  readonly all: readonly string[]
}

/** Reads a step; undefined when it cannot be used (what is wrong is reported). */
export function readStep(map: MapNode, id: string, of: StepContext): SagaStep | undefined {
  const { reader, before } = of
  reader.knownKeys(map, 'a step', STEP_KEYS)
  const action = entryOf(map, 'action')
  if (action === undefined) {
    const hint = 'write for example action: {type: webhook, url: "https://stock.example.com/reserve"}'
    return reader.fail(map, RULE_CODES.missing, `the step "${id}" needs "action"`, hint)
  }
  const when = entryOf(map, 'when')
  const wanted = when && readWhen(when.value, before, of)
  const timeout = entryOf(map, 'timeout')
  const timeoutMs = timeout && reader.duration(timeout.value, 'timeout', LONGEST)
  const plan = readCommand(action.value, ['retry'], before, of)
  const undo = readUndo(map, of)
  if (plan === undefined || undo === undefined) return undefined
  return {
    id,
    location: map.location,
    confirms: entryOf(map, 'confirm') !== undefined,
    timeoutMs: timeoutMs ?? null,
    retry: readRetry(map, DO_RETRY, reader),
    when: wanted ?? null,
    action: plan,
    ...undo,
  }
}

export function readStepId(map: MapNode, reader: ValueReader): string | undefined {
  const entry = entryOf(map, 'id')
  if (entry === undefined)
    return reader.fail(map, RULE_CODES.missing, 'a step needs "id"', 'write for example id: reserve')
  const id = reader.string(entry.value, 'id')
  if (id === undefined) return undefined
  if (ID.test(id)) return id
  const hint = 'write 1 to 64 letters, digits, _ and -'
  return reader.fail(entry.value, RULE_CODES.value, 'the id of the step is not valid', hint)
}

function readUndo(map: MapNode, of: StepContext): Pick<SagaStep, 'undo' | 'compensate'> | undefined {
  const entry = entryOf(map, 'compensate')
  if (entry === undefined) return { undo: null, compensate: null }
  const node = entry.value
  if (node.tag === 'scalar' && node.value === 'none') return { undo: 'none', compensate: null }
  const compensate = readCommand(node, [], of.all, of)
  if (compensate === undefined || node.tag !== 'map') return undefined
  return { undo: { retry: readRetry(node, UNDO_RETRY, of.reader) }, compensate }
}

/** The action that sends a command. */
function readCommand(
  node: TreeNode,
  refused: readonly string[],
  steps: readonly string[],
  { rule, reader, context }: StepContext,
): ActionPlan | undefined {
  const map = reader.map(node, 'action', 'write for example action: {type: webhook, url: …}')
  if (map === undefined) return undefined
  for (const key of [...refused, ...NOT_OF_COMMANDS]) {
    const entry = entryOf(map, key)
    if (entry === undefined) continue
    const hint = HINTS[key] ?? 'write it beside action:'
    reader.fail({ location: entry.keyLocation }, RULE_CODES.unknownKey, `${key} is not for the action of a step`, hint)
  }
  const facts: RuleFacts = { lookups: [], threshold: false, saga: { steps } }
  const none = { coalesce: undefined, checks: [], ids: new Set<string>() }
  const plan = readAction(map, 0, { rule, scope: 'saga', facts, delivery: NO_OPTIONS, ...none }, context)
  return plan && { ...plan, idIsWhole: true }
}

const NO_OPTIONS: MapNode = { tag: 'map', location: { file: '', line: 0, column: 0 }, entries: [] }

function readRetry(map: MapNode, base: StepRetry, reader: ValueReader): StepRetry {
  const entry = entryOf(map, 'retry')
  if (entry === undefined) return base
  const only: MapNode = { ...map, entries: [entry] }
  const from = { timeoutMs: 1, onFailure: 'park', ratePerSecond: null, retry: { ...base, maxAgeMs: Infinity } } as const
  const { attempts, minMs, maxMs } = readDelivery(only, from, reader).retry
  return { attempts, minMs, maxMs }
}

function readWhen(
  node: TreeNode,
  before: readonly string[],
  { rule, reader }: StepContext,
): SagaStep['when'] | undefined {
  const facts: RuleFacts = { lookups: [], threshold: false, saga: { steps: before } }
  const read = readPredicate(node, 'when', reader, { ruleId: rule.id, scope: 'saga' }, facts)
  if (read === undefined) return undefined
  const holds = read.predicate.bind(EVENT_SHAPE)
  return (instance) => holds(sagaChange(instance, before, null))
}
