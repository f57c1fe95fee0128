import type { Change } from '../model/event/change.ts'
import { conditionOf } from '../model/rule/condition.ts'
import type { ActionPlan, Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { Predicate } from '../model/rule/expression.ts'
import { isSagaRule } from '../model/saga/sink.ts'
import { READS_NOTHING, unionReads } from '../model/table/column-reads.ts'
import { shareOf } from './routes.ts'

/**
 * The rules as one share runs them: each for the changes whose key, by this rule, is of this share. A change is in several
 * shares where rules order it by several keys. What has a limit per second has its part of it. Sagas are the reader's.
 */
export function shareRules(ruleSet: RuleSet, share: number, shares: number): RuleSet {
  const rules = ruleSet.rules.filter((rule) => !isSagaRule(rule))
  return { ...ruleSet, rules: rules.map((rule) => ofShare(rule, share, shares)) }
}

function ofShare(rule: Rule, share: number, shares: number): Rule {
  const condition = conditionOf(rule)
  const isOwn = (change: Change): boolean => shareOf(rule, change, shares) === share
  const filter: Predicate = {
    source: `${condition?.source ?? ''}\0share ${share} by ${rule.id}`,
    location: condition?.location ?? rule.location,
    necessary: condition?.necessary ?? [],
    lookups: condition?.lookups ?? [],
    reads: (table) => unionReads([condition?.reads(table) ?? READS_NOTHING, rule.key?.reads(table) ?? READS_NOTHING]),
    bind: (table) => {
      if (condition === null) return isOwn
      let holds: ((change: Change) => boolean) | null = null
      // A condition that fails is told by the share that the change is of, and by no other.
      return (change) => isOwn(change) && (holds ??= condition.bind(table))(change)
    },
  }
  return { ...rule, match: null, filter, actions: rule.actions.map((action) => withPartOfRate(action, shares)) }
}

function withPartOfRate(action: ActionPlan, shares: number): ActionPlan {
  const { ratePerSecond, target } = action
  const ofTarget = target.ratePerSecond
  if (ratePerSecond === null && ofTarget === undefined) return action
  return {
    ...action,
    ratePerSecond: ratePerSecond === null ? null : ratePerSecond / shares,
    target: ofTarget === undefined ? target : { ...target, ratePerSecond: ofTarget / shares },
  }
}
