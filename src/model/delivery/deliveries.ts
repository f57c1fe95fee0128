import type { TargetConfig } from '../rule/target-config.ts'
import type { Commands } from './commands.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { InFlightJob } from './in-flight-job.ts'
import type { StoredLines } from './stored-lines.ts'
import type { Rule } from '../rule/rule.ts'
import type { RuleSet } from '../rule/rule-set.ts'
import type { RuleStats } from '../stats.ts'

/** What the flow needs of whatever sends its jobs (deliver/deliveries.ts). */
export interface Deliveries extends Commands {
  /** Learns which keys are parked; waits for a store that is down. False when `signal` was aborted meanwhile. */
  open(signal: AbortSignal): Promise<boolean>
  /**
   * Opens the targets of these rules ahead of their first events. Targets that no rule names any more end once what waits
   * for them was delivered, or they are dropped.
   */
  prepare(ruleSet: RuleSet): void
  /** What waits for a target that no rule names goes to the dead letters. */
  drop(target: string): DropResult
  /** Nothing is sent to a target that is paused: its events wait as if it was down. False: nobody knows it. */
  setPaused(target: string, sinceMs: number): boolean
  /** Nothing more is loaded from the store, and no command is sent any more: a stop begins. */
  stopLoading(): void
  /** The record of the job is durable in another line than it came from. */
  stored(job: InFlightJob): void
  /** With what holds its place in other lanes. Jobs of one lane and one target are sent in the order pushed (invariant 2). */
  push(target: TargetConfig, job: InFlightJob): void
  /** Resolves when the letters, which nobody waits behind, are durable; rejects when a stop gives up waiting. */
  giveUp(letters: readonly DeadLetter[]): Promise<void>
  /** Something that an event of the rule would have to come behind waits in the store for a target that is down. */
  isSpooling(rule: Rule): boolean
  /** Nothing queued and nothing in flight. */
  readonly drained: boolean
  /** Whatever is left waits for targets that are down or paused. */
  readonly onlyDownLeft: boolean
  close(): Promise<void>
}

/** How many events go to the dead letters, or why none do: a rule or a saga names the target, or nobody knows it. */
export type DropResult = { readonly dropped: number } | 'named' | 'unknown'

/** `not leading`: the instance starts, or another one leads. */
export type PauseResult = 'done' | 'unknown' | 'not paused' | 'not leading'

/** What the flow tells whatever sends its jobs, and is told by it. */
export interface DeliveryHooks {
  /** Aborted when a stop gives up waiting: running sends are cut off. */
  readonly signal: AbortSignal
  /** Called once for every job that has ended, delivered or not. */
  readonly ended: (job: InFlightJob, delivered: boolean) => void
  readonly ruleStats: (ruleId: string) => RuleStats
  /** Reads what a job waits for, once it has its place in a lane. */
  readonly prepare: (job: InFlightJob) => void
  /** Where events wait for targets that are down. */
  readonly lines: StoredLines
  /** Whether the memory budget has room for more jobs. */
  readonly hasRoom: () => boolean
  /** The job left memory, and its record stays in its line. */
  readonly unloaded: (job: InFlightJob) => void
}
