import { createHash } from 'node:crypto'
import type { RuleSet } from '../../model/rule/rule.ts'

/** The same in all processes that run the same rules. */
export function rulesDigest({ rules }: RuleSet): string {
  const versions = rules.map(({ id, version }) => `${id} ${version}`).sort()
  return createHash('sha256').update(versions.join('\n')).digest('hex').slice(0, 8)
}
