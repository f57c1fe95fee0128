import type { Stats, TargetStats } from './stats.ts'

/** Reading that was paused goes on below this part of the budget. */
export const RESUME_SHARE = 0.75

/**
 * The target that keeps reading from going on: it is down, and either holds its share of the budget, or is the largest of
 * several that are down and together leave too little of it. Null when there is none.
 */
export function blockingTarget(stats: Stats): { readonly id: string; readonly target: TargetStats } | null {
  let held = 0
  let largest: { readonly id: string; readonly target: TargetStats } | null = null
  for (const [id, target] of stats.targets) {
    if (target.downSince === 0) continue
    held += target.inFlightBytes
    if (largest === null || target.inFlightBytes > largest.target.inFlightBytes) largest = { id, target }
  }
  if (largest === null) return null
  const full = largest.target.inFlightBytes >= stats.targetBudgetBytes || held >= stats.budgetBytes * RESUME_SHARE
  return full ? largest : null
}
