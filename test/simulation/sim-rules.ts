import type { Change } from '../../src/model/event/change.ts'
import { EvaluationError } from '../../src/model/errors.ts'
import { rowKeyText } from '../../src/model/event/row-key.ts'
import type { ActionPlan, OnFailure, Rule } from '../../src/model/rule/rule.ts'
import type { RuleSet } from '../../src/model/rule/rule-set.ts'
import { action } from '../support/jobs.ts'
import type { Random } from './random.ts'
import { LOOKUP, THRESHOLD, WAITING_KINDS } from './waiting-kinds.ts'

/** What an action sends, and what is known of it. */
export interface SimPayload {
  readonly address: string
  readonly rule: string
  readonly action: number
  readonly event: string
  readonly rowKey: string
  /** Grows with every change of the history. */
  readonly number: number
  /** Of the row, as it was rendered. */
  readonly version: number
  readonly looked: number | undefined
  readonly count: number | undefined
}

/** A rule that keeps what it says over reloads; only how it waits changes. */
export interface Kind {
  readonly id: string
  readonly targets: readonly string[]
  readonly coalesce: 'latest' | 'none'
  readonly onFailure: OnFailure
  readonly waits: boolean
  readonly matches: (change: Change) => boolean
  /** The `when` of its actions. */
  readonly fires: (change: Change, action: number) => boolean
  /** Its templates fail for these changes, after so many reloads. */
  readonly breaks: (change: Change, variant: number) => boolean
  /** A delay that no reload changes. */
  readonly delayMs?: number
  /** `cancelOn`, of UPDATE and DELETE. */
  readonly cancels?: (change: Change) => boolean
  readonly rechecks?: true
  readonly looksUp?: true
  readonly counts?: true
}

const version = ({ new: new_, old, transaction }: Change): number => Number((new_ ?? old)?.['v'] ?? transaction.offset)
const always = (): boolean => true
const never = (): boolean => false
/** What the row is: its first action sets, its second deletes. */
const either = (change: Change, index: number): boolean => (change.new === null) === (index === 1)

export const KINDS: readonly Kind[] = [
  {
    id: 'plain',
    targets: ['a'],
    coalesce: 'none',
    onFailure: 'park',
    waits: false,
    matches: always,
    fires: always,
    breaks: never,
  },
  {
    id: 'pair',
    targets: ['a', 'b'],
    coalesce: 'none',
    onFailure: 'block',
    waits: false,
    matches: always,
    fires: always,
    breaks: never,
  },
  {
    id: 'latest',
    targets: ['b'],
    coalesce: 'latest',
    onFailure: 'skip',
    waits: true,
    matches: always,
    fires: always,
    breaks: never,
  },
  {
    id: 'late',
    targets: ['c'],
    coalesce: 'none',
    onFailure: 'park',
    waits: true,
    matches: (change) => version(change) % 2 === 0,
    fires: always,
    breaks: never,
  },
  {
    id: 'broken',
    targets: ['c'],
    coalesce: 'none',
    onFailure: 'park',
    waits: false,
    matches: always,
    fires: always,
    breaks: (change) => version(change) % 17 === 0,
  },
  {
    id: 'renamed',
    targets: ['b'],
    coalesce: 'none',
    onFailure: 'skip',
    waits: false,
    matches: always,
    fires: always,
    breaks: (_change, variant) => variant % 2 === 1,
  },
  {
    id: 'window-pair',
    targets: ['a', 'a'],
    coalesce: 'latest',
    onFailure: 'skip',
    waits: true,
    matches: always,
    fires: always,
    breaks: never,
  },
  {
    id: 'either',
    targets: ['a', 'a'],
    coalesce: 'latest',
    onFailure: 'skip',
    waits: true,
    matches: always,
    fires: either,
    breaks: never,
  },
  ...WAITING_KINDS,
  {
    id: 'both',
    targets: ['c'],
    coalesce: 'none',
    onFailure: 'skip',
    waits: false,
    delayMs: 1_200,
    matches: always,
    fires: always,
    breaks: never,
  },
]

const DELAYS = [0, 40, 5, 0, 2_000]
const WINDOWS = [{ windowMs: 20, maxWaitMs: 60, maxBatch: 8 }, null, { windowMs: 90, maxWaitMs: 90, maxBatch: 30 }]

/** The rules after so many reloads: delays and windows get shorter, longer, vanish and come back. */
export function rulesOf(reloads: number, random: Random): RuleSet {
  return { files: [], rules: KINDS.map((kind, i) => ruleOf(kind, reloads + i, random)) }
}

function ruleOf(kind: Kind, variant: number, random: Random): Rule {
  const delayMs = kind.delayMs !== undefined ? kind.delayMs : kind.waits ? DELAYS[variant % DELAYS.length]! : 0
  const debounce = kind.waits ? WINDOWS[variant % WINDOWS.length]! : null
  const plans = kind.targets.map((target, index) => planOf(kind, target, index, variant, random))
  const filter = predicate(kind.id, kind.matches)
  const { cancels } = kind
  const rule = Object.assign(plans[0]!.rule as unknown as Record<string, unknown>, {
    id: kind.id,
    version: `${variant}`,
    filter,
    operations: OPERATIONS,
    delayMs,
    cancelOn: cancels && { operations: CANCELLING, match: null, filter: predicate(`${kind.id}/cancel`, cancels) },
    recheck: kind.rechecks && { location: plans[0]!.location },
    lookups: kind.looksUp && [LOOKUP],
    threshold: kind.counts && THRESHOLD,
    debounce,
    actions: plans,
  }) as unknown as Rule
  for (const plan of plans) Object.assign(plan, { rule })
  return rule
}

/** Of what it is asked for. */
function predicate(source: string, holds: (change: Change) => boolean): Rule['filter'] {
  return { source, necessary: [], reads: () => READS, bind: () => holds } as unknown as Rule['filter']
}

const CANCELLING = new Set(['update', 'delete'])
const OPERATIONS = new Set(['insert', 'update', 'delete', 'truncate'])
const READS = { new: 'all', old: 'all' } as const

function planOf(kind: Kind, target: string, index: number, variant: number, random: Random): ActionPlan {
  const slow = target === 'c' && random.chance(0.3)
  return action({
    index,
    target: { id: target, type: 'simulated', options: {} },
    coalesce: kind.coalesce,
    onFailure: kind.onFailure,
    retry: { attempts: 3, maxAgeMs: 5_000, minMs: 5, maxMs: 200 },
    ratePerSecond: slow ? 400 : null,
    when: whenOf(kind, index),
    ...(kind.looksUp && { lookups: { inWhen: true, all: [LOOKUP] } }),
    reads: () => READS,
    bind: () => (change) => {
      if (kind.breaks(change, variant)) throw new EvaluationError('BINGO_SIMULATED', 'made to break')
      return payloadOf(kind.id, index, change)
    },
  })
}

function whenOf({ id, fires }: Kind, index: number): ActionPlan['when'] {
  return predicate(`${id}/${index}`, (change) => fires(change, index))
}

function payloadOf(rule: string, index: number, change: Change): SimPayload {
  const rowKey = rowKeyText(change.table, change.old, change.new)
  const number = change.transaction.offset * 1_000 + change.seq
  const looked = change.facts?.lookup?.['row']?.row['n'] as number | undefined
  const count = change.facts?.threshold?.count
  const event = change.id
  return { address: rowKey, rule, action: index, event, rowKey, number, version: version(change), looked, count }
}
