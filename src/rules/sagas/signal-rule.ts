import { BingoError, EvaluationError, type SourceLocation } from '../../model/errors.ts'
import type { ActionType } from '../../model/rule/action.ts'
import { sagaEventOf } from '../../model/saga/events.ts'
import type { SagaTrigger } from '../../model/saga/definition.ts'
import { SAGA_ACTION, type SagaSignal } from '../../model/saga/sink.ts'
import { READS_WHOLE_ROW } from '../../model/table/column-reads.ts'
import type { RuleContext } from '../read/read-action.ts'
import { readRule } from '../read/read-rule.ts'
import type { RuleChecks } from '../rule-checks.ts'
import { entryOf, type MapNode, type ScalarNode, type TreeNode } from '../yaml/tree.ts'

/** What says which events start a saga, or confirm or reject a step of it: as in a rule. */
export const LISTEN_KEYS = ['on', 'table', 'events', 'source', 'test', 'match', 'filter'] as const

/** What a rule of a saga is for. */
export interface SignalOf {
  readonly saga: string
  readonly version: string
  readonly trigger: SagaTrigger
  /** Present for instances of a definition that has changed since. */
  readonly isFormer: boolean
}

/** Reads the rule by which a saga listens; undefined when it cannot be used (what is wrong is reported). */
export function readSignalRule(
  map: MapNode,
  key: TreeNode,
  of: SignalOf,
  seen: Map<string, SourceLocation>,
  context: RuleContext,
): RuleChecks | undefined {
  const { location } = map
  const text = (value: string): ScalarNode => ({
    tag: 'scalar',
    location,
    value,
    written: value,
    locate: () => location,
  })
  const entry = (name: string, value: TreeNode) => ({ key: name, keyLocation: location, value })
  const action: MapNode = {
    tag: 'map',
    location,
    entries: [entry('type', text(SAGA_ACTION)), entry('key', key)],
  }
  const rule: MapNode = {
    tag: 'map',
    location,
    entries: [
      entry('id', text(ruleId(of))),
      ...LISTEN_KEYS.flatMap((name) => entryOf(map, name) ?? []),
      entry('key', key),
      entry('actions', { tag: 'list', location, items: [action] }),
    ],
  }
  const own = { ...context, actionTypes: new Map([[SAGA_ACTION, signalAction(of)]]) }
  return readRule(rule, 0, seen, own)?.checks
}

function ruleId({ saga, version, trigger, isFormer }: SignalOf): string {
  const of = isFormer ? `${saga} ${version}` : saga
  return trigger.tag === 'start' ? `saga ${of} start` : `saga ${of} ${trigger.step} ${trigger.tag}`
}

/** Longer ones are refused by the databases that keep them. */
const LONGEST_KEY = 512

function checkedKey(key: string): string {
  if (key.length <= LONGEST_KEY && key.isWellFormed() && !/\p{Cc}/u.test(key)) return key
  const shown = JSON.stringify(key.slice(0, 80))
  throw new EvaluationError(
    'BINGO_SAGA_KEY',
    `${shown} cannot be the key of a saga: it has control characters, or more than ${LONGEST_KEY} characters`,
  )
}

function signalAction({ saga, version, trigger }: SignalOf): ActionType {
  return {
    type: SAGA_ACTION,
    fields: { key: { kind: 'template', required: true, doc: 'The key of the instance.' } },
    targetFields: [],
    defaultCoalesce: () => 'none',
    compile: (spec) => {
      const key = spec.template('key')
      return {
        target: { id: 'sagas', type: SAGA_ACTION, options: null },
        options: null,
        reads: () => READS_WHOLE_ROW,
        bind: (table) => {
          const render = key!.bind(table)
          return (change): SagaSignal => {
            const rendered = checkedKey(render(change))
            return { saga, version, key: rendered, trigger, event: sagaEventOf(change) }
          }
        },
      }
    },
    open: () => Promise.reject(new BingoError('BINGO_INTERNAL', 'the rules of a saga are opened by its target')),
  }
}
