import type { ActionPlan } from '../model/rule/rule.ts'
import type { TargetConfig } from '../model/rule/target-config.ts'
import { stringifyValue } from '../model/event/forms/event-json.ts'

type Variants = Map<string, ActionPlan[]>

/**
 * Actions of one target name share a connection. Where they differ in what the name does not show (a password, a
 * certificate), each set of options is a target of its own, called after the first rule that uses it. So a name follows
 * from the rules alone: it is the same after a restart, with a new password, and in whatever order files are read; and
 * nothing in it is made of a secret.
 */
export function nameTargets(actions: readonly ActionPlan[]): void {
  const byName = new Map<string, Variants>()
  for (const action of actions) {
    const { id, options } = action.target
    const variants: Variants = byName.get(id) ?? new Map()
    byName.set(id, variants)
    const text = stringifyValue(options)
    variants.set(text, [...(variants.get(text) ?? []), action])
  }
  for (const [name, variants] of byName) {
    const users = [...variants.values()].map((alike) => alike.toSorted(byUser))
    for (const alike of users) share(alike, variants.size === 1 ? name : `${name} (${labelOf(alike[0]!, users)})`)
  }
}

/** The rule's id; with the action's identity where another variant is first used by the same rule. */
function labelOf(first: ActionPlan, users: readonly (readonly ActionPlan[])[]): string {
  const alike = users.filter((actions) => actions[0]!.rule.id === first.rule.id)
  return alike.length === 1 ? first.rule.id : `${first.rule.id}#${first.identity}`
}

function byUser(a: ActionPlan, b: ActionPlan): number {
  const [one, other] = [`${a.rule.id}#${a.identity}`, `${b.rule.id}#${b.identity}`]
  return one < other ? -1 : one > other ? 1 : 0
}

/** Rules are still being put together: nobody has seen the plans yet. */
function share(actions: readonly ActionPlan[], id: string): void {
  const target: TargetConfig = { ...actions[0]!.target, id }
  for (const action of actions) (action as { target: TargetConfig }).target = target
}
