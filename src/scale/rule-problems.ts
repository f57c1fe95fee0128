import type { Problem } from '../model/errors.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { isSagaRule } from '../model/saga/sink.ts'

/** What the configuration says beside the rules. */
export interface Surroundings {
  readonly hasSource: boolean
  /** The reader takes in posted events, for sagas. */
  readonly takesEvents: boolean
}

/** What rules cannot do where each worker sees its own keys only; each with what can be done about it. */
export function scaleProblems({ rules }: RuleSet, around: Surroundings): readonly Problem[] {
  // The reader runs the sagas, and sees all of their events.
  const ofWorkers = rules.filter((rule) => !isSagaRule(rule))
  return ofWorkers.flatMap((rule) => reasonsOf(rule, around).map((reason) => problemOf(rule, reason)))
}

function problemOf({ id: ruleId, location }: Rule, [message, hint]: readonly [string, string]): Problem {
  return { code: 'BINGO_RULE_SCALE', severity: 'error', location, ruleId, message, hint }
}

function reasonsOf(rule: Rule, { hasSource, takesEvents }: Surroundings): (readonly [message: string, hint: string])[] {
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
  } else if (takesEvents && on?.kinds.has('posted')) {
    const message = 'the rule matches posted events too, and these do not go through a reader: only sagas get them'
    found.push([message, 'Add `source: database` to the rule, or run it in an instance of its own, without scale.'])
  }
  if (lookups.length > 0 && !hasSource) {
    found.push(['lookups read from the source, which this process does not know', 'Set source.url for workers, too.'])
  }
  return found
}
