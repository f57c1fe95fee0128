import { makeRule } from '../model/rule/made-rule.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { BrokerSettings } from './options.ts'

/** All handlers are one target: jobs of one key then run in the order of their rules. */
export const HANDLERS = { id: 'handlers', type: 'handler', options: null } as const

const PLACE = { file: 'subscriptions', line: 1, column: 1 } as const

/** What its rule knows of a subscription. */
export interface RuleMember {
  readonly pattern: string
  matches(type: string): boolean
}

export interface RuleOptions extends Pick<BrokerSettings, 'retry' | 'onFailure'> {
  readonly id: string
  /** At least one. */
  readonly members: readonly RuleMember[]
}

/** The rule that hands events to a subscription or a group: that of `on: [PATTERNS]` with one action. */
export function ruleOf({ id, members, retry, onFailure }: RuleOptions): Rule {
  return makeRule(
    {
      id,
      location: PLACE,
      // A handler has no text that could be another one.
      version: 'subscription',
      operations: new Set(['event']),
      on: {
        patterns: members.map(({ pattern }) => pattern),
        matches: (type) => members.some((member) => member.matches(type)),
        sources: null,
        kinds: new Set(['posted']),
        test: 'any',
      },
      matchesTable: () => false,
      listensTo: () => false,
    },
    {
      identity: 'handler',
      target: HANDLERS,
      onFailure,
      retry,
      timeoutMs: Infinity,
      bind: () => (change) => change.new,
      options: null,
    },
  )
}
