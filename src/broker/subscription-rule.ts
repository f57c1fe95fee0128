import type { ActionPlan } from '../model/rule/action.ts'
import type { Rule } from '../model/rule/rule.ts'
import { READS_WHOLE_ROW } from '../model/table/column-reads.ts'
import type { BrokerSettings } from './options.ts'
import type { Subscription } from './subscriptions.ts'

/** All handlers are one target: jobs of one key then run in the order of their rules. */
export const HANDLERS = { id: 'handlers', type: 'handler', options: null } as const

const PLACE = { file: 'subscriptions', line: 1, column: 1 } as const

export interface RuleOptions extends Pick<BrokerSettings, 'retry' | 'onFailure'> {
  readonly id: string
  /** At least one. */
  readonly members: readonly Pick<Subscription, 'pattern' | 'matches'>[]
}

/** The rule that hands events to a subscription or a group: that of `on: [PATTERNS]` with one action. */
export function ruleOf({ id, members, retry, onFailure }: RuleOptions): Rule {
  const actions: ActionPlan[] = []
  const rule: Rule = {
    id,
    description: null,
    tags: [],
    location: PLACE,
    // A handler has no text that could be another one.
    version: 'subscription',
    operations: new Set(['event']),
    match: null,
    filter: null,
    key: null,
    actions,
    debounce: null,
    delayMs: 0,
    on: {
      patterns: members.map(({ pattern }) => pattern),
      matches: (type) => members.some((member) => member.matches(type)),
      sources: null,
      kinds: new Set(['posted']),
      test: 'any',
    },
    manual: false,
    matchesTable: () => false,
    listensTo: () => false,
  }
  actions.push({
    rule,
    index: 0,
    identity: 'handler',
    parts: {},
    type: HANDLERS.type,
    location: PLACE,
    target: HANDLERS,
    coalesce: 'none',
    when: null,
    onFailure,
    retry,
    timeoutMs: Infinity,
    ratePerSecond: null,
    reads: () => READS_WHOLE_ROW,
    bind: () => (change) => change.new,
    options: null,
  })
  return rule
}
