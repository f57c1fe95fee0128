import type { TargetConfig } from '../model/rule/target-config.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { stepsOf } from '../model/saga/definition.ts'

/** Where rules and steps of sagas send to, by id. Sagas of earlier definitions count too, while instances live by them. */
export function namedTargets({ rules, sagas = [] }: RuleSet): ReadonlyMap<string, TargetConfig> {
  const named = new Map<string, TargetConfig>()
  const ofRules = rules.flatMap(({ actions }) => actions)
  const ofSagas = sagas.flatMap((saga) =>
    stepsOf(saga).flatMap(({ action, compensate }) => [action, compensate ?? action]),
  )
  for (const { target } of [...ofRules, ...ofSagas]) {
    const known = named.get(target.id)
    // One address may be named with and without a limit, or with several: the lowest holds.
    const isLower = (target.ratePerSecond ?? Infinity) < (known?.ratePerSecond ?? Infinity)
    if (known === undefined || isLower) named.set(target.id, target)
  }
  return named
}
