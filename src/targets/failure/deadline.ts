import type { Sendable } from '../../model/rule/action.ts'

/** Milliseconds that one request may take which carries all of these jobs: no action waits longer than its `timeout`. */
export function shortestTimeoutMs(jobs: readonly Sendable[]): number {
  return jobs.reduce((shortest, job) => Math.min(shortest, job.action.timeoutMs), Infinity)
}
