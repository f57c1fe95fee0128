import { createHash } from 'node:crypto'
import type { Rule } from '../../model/rule/rule.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'

/** The same in all processes that run the same rules, and send to targets of the same settings. */
export function rulesDigest({ rules }: RuleSet): string {
  return createHash('sha256').update(rules.map(textOf).sort().join('\n')).digest('hex').slice(0, 8)
}

function textOf({ id, version, actions }: Rule): string {
  const targets = actions.flatMap(({ target }) => (target.version === undefined ? [] : [target.version]))
  return [id, version, ...targets].join(' ')
}
