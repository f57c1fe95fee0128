import type { ActionPlan, Rule } from '../../model/rule/rule.ts'

const paths = new WeakMap<Rule, readonly (readonly string[])[]>()

/**
 * The targets whose spools an action goes through on its way to its own one, while something waits there: those of the
 * actions before it, which have to end first, and its own. All jobs of the action take the same way, so that none
 * overtakes another (invariant 2).
 */
export function spoolPath({ rule, index }: ActionPlan): readonly string[] {
  let ofRule = paths.get(rule)
  if (ofRule === undefined) paths.set(rule, (ofRule = pathsOf(rule.actions.map(({ target }) => target.id))))
  return ofRule[index] ?? []
}

/** By action. */
function pathsOf(targets: readonly string[]): readonly (readonly string[])[] {
  const distinct = [...new Set(targets)]
  return targets.map((_, index) => distinct.filter((target) => firstCaught(target, targets) <= index))
}

/**
 * The first action that waits behind a spool of this target: the first one that goes there, and where a later action goes
 * to a target of an earlier one, that one too, or the two would be in another order than without the spool.
 */
function firstCaught(target: string, targets: readonly string[]): number {
  let first = targets.indexOf(target)
  for (;;) {
    const earlier = new Set(targets.slice(0, first))
    const revisited = targets.slice(first).find((each) => earlier.has(each))
    if (revisited === undefined) return first
    first = targets.indexOf(revisited)
  }
}
