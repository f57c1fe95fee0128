import type { StreamEvent, StreamSink } from '../../model/event/posted/stream-sink.ts'
import type { DeliveryFailure, Log, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import { thrownFailure } from '../failure/failure.ts'
import { BEHIND } from '../failure/in-order.ts'
import { madeId } from './made-id.ts'
import type { EventPayload, StreamPlace } from './options.ts'

const MAX_BATCH = 500

/** Jobs that one append stores, and the appends that come before it. */
interface Group {
  readonly place: StreamPlace
  readonly jobs: Sendable[]
  readonly after: Set<Group>
  done: Promise<void>
}

/**
 * Appends the events that rules make to streams. What has one key keeps its order over all streams, and so does what goes
 * to one stream; everything else is appended side by side.
 */
export class StreamTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #streams: StreamSink
  readonly #log: Log

  constructor(streams: StreamSink, log: Log) {
    this.#streams = streams
    this.#log = log
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    const outcomes = new Outcomes()
    const groups = groupsOf(jobs)
    for (const group of groups) group.done = this.#after(group, outcomes)
    await Promise.all(groups.map(({ done }) => done))
    return outcomes.of(jobs)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #after(group: Group, outcomes: Outcomes): Promise<void> {
    await Promise.all([...group.after].map(({ done }) => done))
    const jobs = group.jobs.filter((job) => outcomes.mayFollow(job))
    if (jobs.length === 0) return
    const failure = await this.#append(group.place, jobs)
    if (failure === null || failure.kind === 'down' || jobs.length === 1) {
      for (const job of jobs) outcomes.set(job, failure)
      return
    }
    // One of them is refused, or was appended by an attempt whose answer was lost: each by itself tells which.
    for (const job of jobs) if (outcomes.mayFollow(job)) outcomes.set(job, await this.#append(group.place, [job]))
  }

  async #append({ stream, expectedVersion }: StreamPlace, jobs: readonly Sendable[]): Promise<DeliveryFailure | null> {
    try {
      await this.#streams.appendToStream(stream, jobs.map(streamEvent), { expectedVersion })
      return null
    } catch (error) {
      if (!(error instanceof BingoError)) return thrownFailure('unknown', error)
      if (error.code !== 'BINGO_STORE_EVENT_ID_TAKEN' || jobs.length > 1) return thrownFailure(kindOf(error), error)
      // The id is made of cause, rule and action: what the action said when it appended this event stays.
      const [job] = jobs
      const fields = { code: error.code, event: job!.id, rule: job!.action.rule.id, stream }
      this.#log.warn(fields, 'appended before with other content, which stays')
      return null
    }
  }
}

/** What became of the jobs of one send. */
class Outcomes {
  readonly #failures = new Map<Sendable, DeliveryFailure>()
  readonly #failedKeys = new Set<string>()
  #down: DeliveryFailure | null = null

  /** False, and noted as such, where it would overtake one of its key, or the store is down. */
  mayFollow(job: Sendable): boolean {
    if (this.#down !== null) this.#failures.set(job, this.#down)
    else if (this.#failedKeys.has(job.key)) this.#failures.set(job, BEHIND)
    else return true
    return false
  }

  set(job: Sendable, failure: DeliveryFailure | null): void {
    if (failure === null) return
    this.#failures.set(job, failure)
    if (failure.kind === 'down') this.#down = failure
    else this.#failedKeys.add(job.key)
  }

  of(jobs: readonly Sendable[]): SendResult {
    if (this.#failures.size === 0) return undefined
    return jobs.map((job) => this.#failures.get(job) ?? null)
  }
}

/**
 * Jobs that one stream takes at any version share an append, unless one of another stream that has the same key lies in
 * between.
 */
function groupsOf(jobs: readonly Sendable[]): readonly Group[] {
  const numbers = new Map<Group, number>()
  const ofStreams = new Map<string, Group>()
  const ofKeys = new Map<string, Group>()
  for (const job of jobs) {
    const place = (job.payload as EventPayload).append!
    const before = ofStreams.get(place.stream)
    const ofKey = ofKeys.get(job.key)
    const isShared =
      before !== undefined &&
      place.expectedVersion === 'any' &&
      before.place.expectedVersion === 'any' &&
      (ofKey === undefined || numbers.get(ofKey)! <= numbers.get(before)!)
    const group: Group = isShared ? before : { place, jobs: [], after: new Set(), done: Promise.resolve() }
    group.jobs.push(job)
    for (const earlier of [before, ofKey]) if (earlier !== undefined && earlier !== group) group.after.add(earlier)
    if (!isShared) numbers.set(group, numbers.size)
    ofStreams.set(place.stream, group)
    ofKeys.set(job.key, group)
  }
  return [...numbers.keys()]
}

function streamEvent(job: Sendable): StreamEvent {
  const { type, payload, source, timestamp, userId, correlationId, causationId, hops } = (job.payload as EventPayload)
    .event
  return {
    id: `${madeId(job)}-${hops}`,
    type,
    payload,
    source,
    timestamp: new Date(timestamp).toISOString(),
    correlationId,
    causationId,
    userId,
  }
}

/** Whose stream has another version, and what no database would store, will never be taken. The rest says nothing of the event. */
function kindOf(error: BingoError): DeliveryFailure['kind'] {
  if (/^BINGO_STORE_(VERSION_CONFLICT|ARGUMENT_INVALID|EVENT_ID_TAKEN)$/.test(error.code)) return 'poison'
  return isOfContent(error.cause) ? 'poison' : 'down'
}

/** A statement over max_allowed_packet, or (class 22, 54) values that the server does not take: MySQL's and PostgreSQL's codes. */
function isOfContent(cause: unknown): boolean {
  const { errno, sqlState, code } = Object(cause) as { errno?: unknown; sqlState?: unknown; code?: unknown }
  return errno === 1153 || [sqlState, code].some((state) => typeof state === 'string' && /^(22|54)...$/.test(state))
}
