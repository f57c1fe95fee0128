import type { Sendable } from '../../model/rule/action.ts'

/** Milliseconds that one request may take which carries all of these jobs: no action waits longer than its `timeout`. */
export function shortestTimeoutMs(jobs: readonly Sendable[]): number {
  let shortest = Infinity
  for (const { action } of jobs) if (action.timeoutMs < shortest) shortest = action.timeoutMs
  return shortest
}
