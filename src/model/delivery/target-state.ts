import { DurationHistogram } from './duration-histogram.ts'

/** Only counted, and read by metrics and `status`. All `…Total` only grow. */
export interface TargetCounters {
  sendsTotal: number
  /** How long sends took. */
  readonly sendTimes: DurationHistogram
  /** Attempts that failed, by error code. */
  readonly failures: Map<string, number>
  deliveredTotal: number
  /** Attempts that failed: an action that is retried counts each time. */
  failedTotal: number
  /** Actions that were put back to be sent again, each time, with those that wait behind a failed one of their row. */
  retriedTotal: number
  /** Actions that ended in the dead letters. */
  givenUpTotal: number
}

/** What is known of one target while rules name it or events wait for it. Its queue keeps it, the budget its bytes. */
export class TargetState {
  readonly id: string
  readonly type: string
  queued = 0
  /** Bytes of the budget that its unfinished jobs hold. */
  inFlightBytes = 0
  /** How many jobs have ended: whoever watches sees by it whether the target moves. */
  ended = 0
  /** Since when no rule names it any more, although events wait for it; 0 = a rule does. */
  unnamedSince = 0
  /** When the target was first found down in the present outage; 0 = up. */
  downSince = 0
  /** Since when an operator has it paused; 0 = it is not. */
  pausedSince = 0
  lastError: string | null = null
  readonly counters: TargetCounters = {
    sendsTotal: 0,
    sendTimes: new DurationHistogram(),
    failures: new Map(),
    deliveredTotal: 0,
    failedTotal: 0,
    retriedTotal: 0,
    givenUpTotal: 0,
  }

  constructor({ id, type }: { readonly id: string; readonly type: string }) {
    this.id = id
    this.type = type
  }

  /** It takes nothing now: it is down, or paused. */
  get isShut(): boolean {
    return this.downSince > 0 || this.pausedSince > 0
  }
}
