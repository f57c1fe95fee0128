import type { ActionPlan, Job, Payload } from './action.ts'
import type { Change } from './change.ts'
import type { EvaluationError } from './errors.ts'
import { rowKeyText } from './row-key.ts'

/** What a job keeps from being passed by the checkpoint: its transaction's entry in the watermark (invariant 4). */
export interface Hold {
  release(): void
}

/** A lane of one target's queue, as a job sees it: something that can be told to look again. */
export interface WakeableQueue {
  wake(lane: number): void
}

/**
 * One action for one change, from the match to its end. Its end is always one of: acknowledged by the target, written
 * to the dead letters, parked, or superseded by a newer job of the same key whose end it then shares.
 */
export class InFlightJob implements Job {
  readonly action: ActionPlan
  readonly change: Change
  readonly payload: Payload
  readonly lane: number
  readonly bytes: number
  readonly hold: Hold
  /** Acts on the key that the row had before an UPDATE of its primary key. */
  readonly former: boolean
  /** Rendering or the filter failed: goes straight to the dead letters when its turn comes. */
  readonly failure: EvaluationError | null
  /** Holds of older jobs of the same key that this one stands for (coalescing); they end when it ends. */
  absorbedHolds: Hold[] | null = null
  /** Those of the older jobs whose rule has a further action waiting for them. */
  absorbedJobs: InFlightJob[] | null = null
  /** The earlier action of the same rule for the same change, which has to end first; and the later one. */
  after: InFlightJob | null = null
  next: InFlightJob | null = null
  /** Set on the stand-in of a job in the lane of the row's former key: that lane waits until the job has ended. */
  gateOf: InFlightJob | null = null
  /** The stand-in of this job in another lane; the job waits until it has come to the head there. */
  gate: InFlightJob | null = null
  gateArrived = false
  queue: WakeableQueue | null = null
  done = false
  attempts: { at: number; code: string; message: string }[] | null = null
  private key: string | null = null

  constructor(
    action: ActionPlan,
    change: Change,
    payload: Payload,
    lane: number,
    bytes: number,
    hold: Hold,
    failure: EvaluationError | null,
    former = false,
  ) {
    this.action = action
    this.change = change
    this.payload = payload
    this.lane = lane
    this.bytes = bytes
    this.hold = hold
    this.failure = failure
    this.former = former
  }

  /** Computed when first asked for: most jobs end without anyone asking. */
  get rowKey(): string {
    this.key ??= rowKeyText(this.change.table, this.change.old, this.former ? null : this.change.new)
    return this.key
  }

  /**
   * Whether this job makes an older one needless: same action, same row, and the same thing addressed (a cache key may
   * hold other columns than the primary key, and what it was before has to go as well).
   */
  supersedes(older: InFlightJob): boolean {
    if (older.action !== this.action || older.failure !== null || this.failure !== null) return false
    return addressOf(older.payload) === addressOf(this.payload)
  }

  /** Takes the place of an older job of the same action and row key (invariant 1: the older ends when this one does). */
  absorb(older: InFlightJob): void {
    const holds = older.absorbedHolds ?? []
    // One hold on a transaction is enough: this job has its own on the same one.
    if (older.hold === this.hold) older.hold.release()
    else holds.push(older.hold)
    if (holds.length > 0) this.absorbedHolds = holds
    this.absorbedJobs = older.absorbedJobs
    if (older.next !== null) (this.absorbedJobs ??= []).push(older)
  }

  /** Ends the job: everything that waited for it may go on. Called once. */
  end(): void {
    this.done = true
    this.hold.release()
    if (this.absorbedHolds !== null) for (const hold of this.absorbedHolds) hold.release()
    if (this.absorbedJobs !== null) {
      for (const job of this.absorbedJobs) {
        job.done = true
        job.wakeNext()
      }
    }
    this.wakeNext()
    if (this.gate !== null) this.gate.queue?.wake(this.gate.lane)
  }

  private wakeNext(): void {
    if (this.next !== null) this.next.queue?.wake(this.next.lane)
  }
}

/** What a payload addresses: a key to delete is its own address; other payloads that coalesce say it. */
function addressOf(payload: Payload): unknown {
  return typeof payload === 'object' && payload !== null && 'address' in payload ? payload.address : payload
}
