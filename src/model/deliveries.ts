import type { TargetConfig } from './action.ts'
import type { InFlightJob } from './in-flight-job.ts'
import type { RuleSet } from './rule.ts'
import type { RuleStats } from './stats.ts'

/** What the flow needs of whatever sends its jobs (deliver/deliveries.ts). */
export interface Deliveries {
  /** Learns which keys are parked; waits for a store that is down. False when `signal` was aborted meanwhile. */
  open(signal: AbortSignal): Promise<boolean>
  /** Opens the targets of these rules ahead of their first events. */
  prepare(ruleSet: RuleSet): void
  /** Jobs of one lane and one target are sent in the order pushed (invariant 2). */
  push(target: TargetConfig, job: InFlightJob): void
  /** Nothing queued and nothing in flight. */
  readonly drained: boolean
  close(): Promise<void>
}

/** What the flow tells whatever sends its jobs, and is told by it. */
export interface DeliveryHooks {
  /** Aborted when a stop gives up waiting: running sends are cut off. */
  readonly signal: AbortSignal
  /** Called once for every job that has ended, delivered or not. */
  readonly ended: (job: InFlightJob, delivered: boolean) => void
  readonly ruleStats: (ruleId: string) => RuleStats
}
