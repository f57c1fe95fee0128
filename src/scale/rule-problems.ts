import type { Problem } from '../model/errors.ts'
import type { Rule, RuleSet } from '../model/rule/rule.ts'

/** What rules cannot do where each worker sees its own keys only; each with what can be done about it. */
export function scaleProblems({ rules, sagas }: RuleSet, hasSource: boolean): readonly Problem[] {
  const ofRules = rules.flatMap((rule) => reasonsOf(rule, hasSource).map((reason) => problemOf(rule, reason)))
  return [...ofRules, ...(sagas ?? []).map((saga) => problemOf(saga, OF_SAGAS))]
}

const OF_SAGAS = [
  'a saga asks all of its events of one instance, and workers have shares of them',
  'Run sagas in an instance of their own, without scale.',
] as const

type Placed = Pick<Rule, 'id' | 'location'>

function problemOf({ id: ruleId, location }: Placed, [message, hint]: readonly [string, string]): Problem {
  return { code: 'BINGO_RULE_SCALE', severity: 'error', location, ruleId, message, hint }
}

function reasonsOf(rule: Rule, hasSource: boolean): (readonly [message: string, hint: string])[] {
  const { threshold, key, on, manual, lookups = [] } = rule
  const found: (readonly [string, string])[] = []
  if (threshold) {
    const by = threshold.groupedBy
    if (by === null) {
      const message = 'threshold counts all events together, and no worker sees all of them'
      found.push([message, 'Give the threshold `by:` and the rule `key:` with the same text, or run it without scale.'])
    } else if (key?.source !== by) {
      const message = `threshold counts by ${by}, and the rule is ordered by ${key?.source ?? 'the primary key'}: workers would count apart`
      found.push([message, `Add key: ${JSON.stringify(by)} to the rule.`])
    }
  }
  if (manual || on?.kinds.has('row') === false) {
    found.push(['posted events do not go through a reader', 'Run the rule in an instance of its own, without scale.'])
  }
  if (lookups.length > 0 && !hasSource) {
    found.push(['lookups read from the source, which this process does not know', 'Set source.url for workers, too.'])
  }
  return found
}
