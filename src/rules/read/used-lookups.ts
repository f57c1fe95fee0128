import type { ActionLookups, Lookup } from '../../model/rule/lookup.ts'
import type { ActionPlan, Rule } from '../../model/rule/rule.ts'
import type { Predicate } from '../../model/rule/expression.ts'
import { RULE_CODES } from '../codes.ts'
import type { ValueReader } from './read-values.ts'
import type { CheckedTemplate } from '../rule-checks.ts'

/** The lookups of the rule that an action reads; null: none. */
export function usedLookups(
  { lookups = [] }: Rule,
  when: Predicate | undefined,
  templates: readonly CheckedTemplate[],
): ActionLookups | null {
  const inWhen = when?.lookupNames ?? []
  const named = new Set([...inWhen, ...templates.flatMap(({ template }) => template.lookups)])
  return named.size === 0 ? null : { inWhen: inWhen.length > 0, all: lookups.filter(({ name }) => named.has(name)) }
}

/** A lookup that no action reads is never asked. */
export function warnOfUnused(lookups: readonly Lookup[], actions: readonly ActionPlan[], reader: ValueReader): void {
  for (const lookup of lookups) {
    if (actions.some(({ lookups: used }) => used?.all.includes(lookup) === true)) continue
    const { name, location } = lookup
    const message = `no action reads lookup.${name}`
    reader.reporter.warn(RULE_CODES.unusedLookup, location, message, `write {{lookup.${name}.COLUMN}}`, reader.ruleId)
  }
}
