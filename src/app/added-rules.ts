import type { ActionType } from '../model/rule/action.ts'
import type { AddedRules } from '../rules/files/load.ts'
import { recordRule } from './brokers/record-rule.ts'
import type { Config } from './config/config.ts'
import { outboxRules } from './outbox/outbox-rules.ts'

/** The rules that a configuration stands for beside those of its files. */
export function addedRules(
  { brokers, outboxes, targets, events }: Config,
  types: ReadonlyMap<string, ActionType>,
): AddedRules {
  const { rules, nodes } = outboxRules(outboxes, targets, types)
  const records = brokers.map((broker) => {
    const rule = recordRule(broker, events?.limits.hops)
    return { rule, tables: [], match: undefined, filter: undefined, key: undefined, actions: [] }
  })
  return { nodes, rules: [...rules, ...records] }
}
