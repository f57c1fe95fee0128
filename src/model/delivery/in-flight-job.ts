import type { Sendable } from '../rule/action.ts'
import type { ActionPlan, Payload } from '../rule/rule.ts'
import type { Change } from '../event/change.ts'
import type { Attempt } from './dead-letter.ts'
import { jobKeyText } from '../rule/rule-key.ts'
import { addressOf } from './payload-address.ts'
import type { EvaluationFailure, Preparation, Prepared } from './preparation.ts'
import type { Origin } from './waiting.ts'

/** What a job keeps from being passed by the checkpoint: its transaction's entry in the watermark (invariant 4). */
export interface Hold {
  release(): void
}

/** A lane of one target's queue, as a job sees it: something that can be told to look again. */
export interface WakeableQueue {
  wake(lane: number): void
}

/**
 * What a job does that is no action, to what waits of its rule: `cancel` ends what waits for its key, `newest` gives what
 * waits for its row the row as it is now.
 */
export type Revision = 'cancel' | 'newest'

/** How a job hangs together with others. */
class JobLinks {
  absorbedHolds: Hold[] | null = null
  absorbedJobs: InFlightJob[] | null = null
  after: InFlightJob | null = null
  next: InFlightJob | null = null
  placeholderFor: InFlightJob | null = null
  placeholders: InFlightJob[] | null = null
  /** Placeholders that have not come to the head of their lanes yet. */
  placesAhead = 0
  reachedHead = false
  preparation: Preparation | null = null
  skipped = false
  revision: Revision | null = null
  queue: WakeableQueue | null = null
}

const NO_JOBS: readonly InFlightJob[] = []

/**
 * One action for one change, from the match to its end. Its end is always one of: acknowledged by the target, written
 * to the dead letters, parked, or superseded by a newer job of the same key whose end it then shares.
 */
export class InFlightJob implements Sendable {
  readonly action: ActionPlan
  readonly change: Change
  payload: Payload
  readonly lane: number
  readonly bytes: number
  readonly hold: Hold
  /** Acts on the key that the row had before an UPDATE of its primary key. */
  readonly ofPreviousKey: boolean
  /** Rendering or the filter failed: goes straight to the dead letters when its turn comes. */
  failure: EvaluationFailure | null
  /** Concerns more than the row of its key: it is sent apart from its neighbours on the lane. */
  apart = false
  done = false
  /** What has handed it to a line of the store: what it hands in later comes behind it there. */
  writtenBy: WakeableQueue | null = null
  /** Here, and not in a map: a map's outgrown tables would keep thousands of ended jobs alive until the next full collection. */
  origin: Origin | null = null
  attempts: Attempt[] | null = null
  /** Monotonic time of the first of them: how long a job has failed is no matter of the wall clock. */
  failingSinceMs = 0
  private keyText: string | null = null
  /** Most jobs have none: a million of them may be in flight. */
  private links: JobLinks | null = null

  constructor(
    action: ActionPlan,
    change: Change,
    payload: Payload,
    lane: number,
    bytes: number,
    hold: Hold,
    failure: EvaluationFailure | null,
    ofPreviousKey = false,
  ) {
    this.action = action
    this.change = change
    this.payload = payload
    this.lane = lane
    this.bytes = bytes
    this.hold = hold
    this.failure = failure
    this.ofPreviousKey = ofPreviousKey
  }

  /** How many jobs this one stands for: several are a RowRun. */
  get count(): number {
    return 1
  }

  /** Place in its transaction of the last row that it is about. */
  get lastSeq(): number {
    return this.change.seq
  }

  /** One job for each row that it is about. Whoever asks deals with these from now on, and with this one no more. */
  singles(): readonly InFlightJob[] {
    return [this]
  }

  /** The earlier action of the same rule for the same change, which has to end first. */
  get after(): InFlightJob | null {
    return this.links === null ? null : this.links.after
  }

  /** Makes this job wait for the end of `before`. */
  follow(before: InFlightJob): void {
    this.link().after = before
    before.link().next = this
  }

  /** This holds the place of that job in another lane: the lane waits until the job has ended. */
  get placeholderFor(): InFlightJob | null {
    return this.links === null ? null : this.links.placeholderFor
  }

  /** What has to be read before it can be rendered; null: nothing, or it was. */
  get preparation(): Preparation | null {
    return this.links === null ? null : this.links.preparation
  }

  /** Its `when` does not hold: it ends when its turn comes, and nothing is sent. */
  get skipped(): boolean {
    return this.links !== null && this.links.skipped
  }

  /** It is no action: what waits of its rule is revised when its turn comes, and it ends. Null: it is an action. */
  get revision(): Revision | null {
    return this.links === null ? null : this.links.revision
  }

  markAs(revision: Revision): void {
    this.link().revision = revision
  }

  /** Keeps its place, and is not sent before `prepared`. */
  waitFor(preparation: Preparation): void {
    const links = this.link()
    links.preparation = preparation
    links.placesAhead += 1
  }

  prepared(prepared: Prepared): void {
    const links = this.link()
    links.preparation = null
    if (prepared.tag === 'ready') this.payload = prepared.payload
    else if (prepared.tag === 'failed') this.failure = prepared.failure
    // What is skipped never goes: that its place is not free says so to whoever chooses.
    if (prepared.tag === 'skip') links.skipped = true
    else links.placesAhead -= 1
    this.wakeQueue()
  }

  /** What holds the place of this job in other lanes; the job waits until all of them have come to the head there. */
  get placeholders(): readonly InFlightJob[] {
    return this.links?.placeholders ?? NO_JOBS
  }

  /** Everything that was ahead of this job in other lanes has ended. */
  get isFirstEverywhere(): boolean {
    return this.links === null || this.links.placesAhead === 0
  }

  /** Nothing that it hangs together with is in its way. Asked for each job before it is sent; most stand by themselves. */
  get isFree(): boolean {
    const { links } = this
    if (links === null) return true
    return (links.after === null || links.after.done) && links.placeholderFor === null && this.isFirstEverywhere
  }

  /** Lets `placeholder` hold the place of this job in its lane. */
  holdPlaceBy(placeholder: InFlightJob): void {
    const links = this.link()
    links.placeholders ??= []
    links.placeholders.push(placeholder)
    links.placesAhead += 1
    placeholder.link().placeholderFor = this
  }

  /** This placeholder has come to the head of its lane; told as often as the lane is looked at. */
  reachHead(): void {
    const job = this.links!.placeholderFor!
    if (this.links!.reachedHead) return
    this.links!.reachedHead = true
    job.links!.placesAhead -= 1
    if (job.links!.placesAhead === 0) job.wakeQueue()
  }

  /** Where to wake this job's lane. Only jobs that hang together with others are ever woken. */
  enqueuedIn(queue: WakeableQueue): void {
    if (this.links !== null) this.links.queue = queue
  }

  /** Computed when first asked for: most jobs end without anyone asking. */
  get key(): string {
    this.keyText ??= jobKeyText(this.action.rule.key, this.change, this.ofPreviousKey)
    return this.keyText
  }

  get id(): string {
    return this.change.id
  }

  get idScope(): string | undefined {
    return this.change.idScope
  }

  get idNumber(): number {
    return this.change.seq
  }

  get at(): number {
    return this.change.transaction.timestampUs
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
    const holds = older.links?.absorbedHolds ?? []
    // One hold on a transaction is enough: this job has its own on the same one.
    if (older.hold === this.hold) older.hold.release()
    else holds.push(older.hold)
    const jobs = older.links?.absorbedJobs ?? []
    if (older.links !== null && older.links.next !== null) jobs.push(older)
    if (holds.length > 0) this.link().absorbedHolds = holds
    if (jobs.length > 0) this.link().absorbedJobs = jobs
  }

  /** Ends the job: everything that waited for it may go on. Called once. */
  end(): void {
    this.done = true
    this.hold.release()
    if (this.links !== null) this.endLinked(this.links)
  }

  private endLinked({ absorbedHolds, absorbedJobs, next, placeholders }: JobLinks): void {
    if (absorbedHolds !== null) for (const hold of absorbedHolds) hold.release()
    if (absorbedJobs !== null) {
      for (const job of absorbedJobs) {
        job.done = true
        job.links?.next?.wakeQueue()
      }
    }
    next?.wakeQueue()
    if (placeholders !== null) for (const placeholder of placeholders) placeholder.wakeQueue()
  }

  private wakeQueue(): void {
    this.links?.queue?.wake(this.lane)
  }

  private link(): JobLinks {
    this.links ??= new JobLinks()
    return this.links
  }
}
