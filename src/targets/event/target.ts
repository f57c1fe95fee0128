import type { EventSink, MadeEvent } from '../../model/event/posted/event-sink.ts'
import type { DeliveryFailure, Log, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import { thrownFailure } from '../failure/failure.ts'
import { sendInOrder } from '../failure/in-order.ts'
import { madeId } from './made-id.ts'
import type { EventActionOptions, EventPayload } from './options.ts'

const MAX_BATCH = 500

/** Publishes the events that rules make, in the order of their causes. */
export class EventTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #events: EventSink
  readonly #now: () => number
  readonly #log: Log

  constructor(events: EventSink, now: () => number, log: Log) {
    this.#events = events
    this.#now = now
    this.#log = log
  }

  /** All at once; where one of them is refused, each by itself. */
  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    const failure = await this.#publish(jobs)
    if (failure === null) return undefined
    if (failure.kind === 'down' || jobs.length === 1) return jobs.map(() => failure)
    this.#log.debug({ code: failure.error.code, events: jobs.length }, 'an event was refused; publishing one by one')
    return sendInOrder(jobs, (job) => this.#publish([job]))
  }

  async #publish(jobs: readonly Sendable[]): Promise<DeliveryFailure | null> {
    try {
      await this.#events.publish(jobs.map((job) => this.#made(job)))
      return null
    } catch (error) {
      if (!(error instanceof BingoError)) return thrownFailure('unknown', error)
      return thrownFailure(error.retryable ? 'down' : 'poison', error)
    }
  }

  #made(job: Sendable): MadeEvent {
    const { event, sent, deliverAt } = job.payload as EventPayload
    const { deliverAfterMs } = job.action.options as EventActionOptions
    const at = deliverAt ?? (deliverAfterMs > 0 ? this.#now() + deliverAfterMs : null)
    return {
      event: { ...event, id: madeId(job), deliverAt: at },
      sent: at === null ? sent : new Set([...sent, 'deliverAt']),
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
