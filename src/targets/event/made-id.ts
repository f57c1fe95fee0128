import { createHash } from 'node:crypto'
import type { Sendable } from '../../model/rule/action.ts'

/** A digest of the cause, the rule and the action: a replay makes no second event. */
export function madeId({ id, action }: Pick<Sendable, 'id' | 'action'>): string {
  const hash = createHash('sha256')
  for (const part of [id, action.rule.id, action.identity]) hash.update(`${part.length}:${part}`)
  return hash.digest('hex').slice(0, 32)
}
