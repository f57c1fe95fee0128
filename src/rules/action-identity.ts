import { createHash } from 'node:crypto'
import type { ActionType } from '../model/rule/action.ts'
import type { ActionPlan } from '../model/rule/rule.ts'
import type { MapNode } from './yaml/tree.ts'
import { plainValue } from './yaml/tree.ts'

/** What an action is recognised by, after a restart as in a rule that was rewritten around it. */
export type ActionIdentity = Pick<ActionPlan, 'identity' | 'parts'>

export interface IdentifiedAction {
  readonly type: ActionType
  readonly map: MapNode
  /** `id:` of the action. */
  readonly id: string | undefined
  /** Name of its target: as in `targets:`, or type and address. */
  readonly target: string
  /** Keys that say how the action is delivered, not what it does. */
  readonly delivery: readonly string[]
}

/**
 * The `id:` of an action, else a digest of what it is: its type, its target, and what it sends, as written. Secrets are
 * not part of it, nor how it is delivered: a new password or timeout makes no other action of it.
 */
export function identify(action: IdentifiedAction): ActionIdentity {
  const { type, map, id, target, delivery } = action
  const parts: Record<string, string> = { target: digest(target) }
  for (const { key, value } of map.entries) {
    if (delivery.includes(key) || isOfTarget(type, key)) continue
    parts[key] = digest(plainValue(value))
  }
  const sorted = Object.entries(parts).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { identity: id ?? digest([type.type, sorted]), parts }
}

/** Actions of a rule that are the same but for their `when`, or wholly, still need identities of their own. */
export function distinct(actions: readonly ActionPlan[]): readonly ActionPlan[] {
  const taken = new Set<string>()
  return actions.map((action) => {
    const alike = actions.filter(({ identity }) => identity === action.identity).length > 1
    const name = alike ? `${action.identity}-${digest(action.when?.source ?? '')}` : action.identity
    let identity = name
    for (let copy = 2; taken.has(identity); copy += 1) identity = `${name}-${copy}`
    taken.add(identity)
    return identity === action.identity ? action : { ...action, identity }
  })
}

/** Part of the address, which the target's name stands for; an address with templates also says what is sent. */
function isOfTarget(type: ActionType, key: string): boolean {
  return type.targetFields.includes(key) && type.fields[key]?.kind !== 'template'
}

/** Of what was written, so secrets are not part of it. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 10)
}
