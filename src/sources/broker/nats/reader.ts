import type { JsMsg } from '@nats-io/jetstream'
import { jetstreamOf } from '../../../clients/nats.ts'
import type { Clock } from '../../../model/clock.ts'
import { BingoError } from '../../../model/errors.ts'
import type { Log } from '../../../model/rule/action.ts'
import { withDeadline } from '../../../model/with-deadline.ts'
import type { BrokerReader, BrokerRecord, BrokerStep, Finished, PartLease } from '../contract.ts'
import { brokerUnreachable, CHECK_BROKER, gapOf, type OnGap } from '../errors.ts'
import type { BrokerStart } from '../start.ts'
import { openNats, type NatsStreamOptions, type OpenNats } from './connection.ts'
import { matchesSubjects } from './subject.ts'

export interface NatsReaderOptions extends NatsStreamOptions {
  readonly start: BrokerStart
  readonly onGap: OnGap
  readonly clock: Clock
  readonly log: Log
}

const FETCH_COUNT = 200
/** The client takes no shorter one. */
const FETCH_MS = 1_000
const IDLE_MS = 5_000
const CLOSE_MS = 1_000

/**
 * A stream, read in the order of its sequence. The durable consumer keeps what is acknowledged; but what it delivers again,
 * after a restart or an acknowledgement that took long, would come behind newer messages. So what was delivered and not
 * acknowledged is read from the stream first, and what is delivered again is known as in flight, or done.
 */
export class NatsReader implements BrokerReader {
  readonly description: string
  private readonly options: NatsReaderOptions
  private readonly lease: PartLease
  private open: OpenNats | null = null
  /** Sequence of the newest message that was handed out, and of the newest that is finished. */
  private handed = 0
  private finishedUpTo = 0
  /** Those in flight that can be acknowledged by this connection. */
  private readonly handles = new Map<number, JsMsg>()
  private hasBegun = false
  private lookAt = 0
  /** How many deliveries there were, those of messages that are delivered again too. */
  private delivered = 0

  constructor(options: NatsReaderOptions) {
    this.options = options
    this.description = options.description
    this.lease = { part: options.stream, lost: false }
  }

  async *read(stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep> {
    try {
      const known = stored?.get(this.options.stream)
      const before = Math.max(this.handed, known === undefined ? 0 : Number(known))
      await this.reopen(before)
      const { consumer, isKnown } = this.open!
      const isFirst = stored === null && !isKnown
      const { delivered, ack_floor: acknowledged } = consumer
      this.handed = Math.max(before, (isKnown ? acknowledged : delivered).stream_seq)
      // What an earlier run has finished is acknowledged when it is delivered again.
      if (!this.hasBegun) this.finishedUpTo = this.handed
      this.hasBegun = true
      if (stored === null) yield { tag: 'began', places: new Map([[this.options.stream, String(this.handed)]]) }
      // A purge moves what the consumer has acknowledged: what this instance has stored tells the gap.
      if (!isFirst) yield* this.gap(before === 0 ? this.handed : before)
      this.delivered = delivered.consumer_seq
      yield* this.between(delivered.stream_seq)
      while (!signal.aborted) yield* this.fetch()
    } catch (error) {
      throw this.described(error)
    }
  }

  ready(): undefined {
    return undefined
  }

  acknowledge(finished: Finished): void {
    for (const place of finished.values()) this.finishedUpTo = Math.max(this.finishedUpTo, Number(place))
    for (const [seq, message] of this.handles) {
      if (seq > this.finishedUpTo) continue
      this.handles.delete(seq)
      this.acknowledgeOne(message)
    }
  }

  async close(): Promise<void> {
    const client = this.open?.client
    this.open = null
    if (client === undefined) return
    await withDeadline(client.flush(), CLOSE_MS).catch(() => undefined)
    await withDeadline(client.close(), CLOSE_MS).catch(() => undefined)
  }

  private async reopen(before: number): Promise<void> {
    const previous = this.open?.client
    this.open = null
    // What they are acknowledged by is gone with the connection; they are delivered again, and acknowledged then.
    this.handles.clear()
    if (previous !== undefined) await withDeadline(previous.close(), CLOSE_MS).catch(() => undefined)
    this.open = await openNats(this.options, this.options.start, before === 0 ? null : before)
  }

  /** What was removed by a limit or a purge before it was read. Of other streams, what is acknowledged is removed. */
  private *gap(from: number): Iterable<BrokerStep> {
    const { onGap, clock, stream: part } = this.options
    const { state, config } = this.open!.stream
    const { first_seq: first, last_seq: last } = state
    if (config.retention !== 'limits' || first <= from + 1) return
    const reason = `messages ${from + 1} to ${first - 1} were removed before they were read`
    const to = onGap === 'latest' ? last : first - 1
    const gap = gapOf({ part, from: String(from), first: String(to + 1), reason }, onGap, clock.now())
    this.handed = to
    yield { tag: 'gap', lease: this.lease, gap, last: String(to) }
  }

  /**
   * Messages up to this one that were delivered, but not to us: to a reader that is gone, or behind the end of a request.
   * They are read from the stream, in their order; the server would deliver them again behind newer ones.
   */
  private async *between(last: number): AsyncIterable<BrokerStep> {
    const { manager } = this.open!
    const { stream, topics } = this.options
    const subject = topics.length === 1 ? topics[0]! : '>'
    for (let seq = this.handed + 1; seq <= last;) {
      // The server knows `next_by_subj`, the types of the client do not.
      const request = { seq, next_by_subj: subject } as Parameters<typeof manager.streams.getMessage>[1]
      const message = await manager.streams.getMessage(stream, request)
      if (message === null || message.seq > last) return
      seq = message.seq + 1
      if (matchesSubjects(message.subject, topics)) {
        yield this.stepOf(message.seq, message.subject, message.data, message.header, message.time.getTime())
      }
    }
  }

  private async *fetch(): AsyncIterable<BrokerStep> {
    const { client } = this.open!
    const { stream, group, clock } = this.options
    const consumer = await jetstreamOf(client).consumers.get(stream, group)
    let pending = 0
    for await (const message of await consumer.fetch({ max_messages: FETCH_COUNT, expires: FETCH_MS })) {
      pending = message.info.pending
      const { seq, redelivered } = message
      const { deliverySequence } = message.info
      const isNext = deliverySequence === this.delivered + 1 && !redelivered
      this.delivered = deliverySequence
      if (!isNext) yield* this.between(seq - 1)
      if (seq <= this.finishedUpTo) this.acknowledgeOne(message)
      else {
        this.handles.set(seq, message)
        if (seq > this.handed) {
          const at = Math.floor(message.info.timestampNanos / 1e6)
          yield this.stepOf(seq, message.subject, message.data, message.headers, at)
        }
      }
    }
    if (client.isClosed()) throw new Error('the connection was closed')
    yield { tag: 'read', all: pending === 0 }
    if (pending > 0 || clock.monotonicMs() < this.lookAt) return
    this.lookAt = clock.monotonicMs() + IDLE_MS
    yield* this.idle()
  }

  private async *idle(): AsyncIterable<BrokerStep> {
    const { manager } = this.open!
    const { stream, group } = this.options
    const { state } = await manager.streams.info(stream)
    const { num_pending: pending, num_ack_pending: open, delivered } = await manager.consumers.info(stream, group)
    if (delivered.stream_seq > this.handed) yield* this.between(delivered.stream_seq)
    // Messages of other subjects are passed, once all of ours are acknowledged: that they are removed some day is no gap.
    else if (pending === 0 && open === 0 && state.last_seq > this.handed) {
      this.handed = state.last_seq
      yield { tag: 'records', lease: this.lease, records: [], last: String(state.last_seq) }
    }
  }

  private stepOf(seq: number, subject: string, data: Uint8Array, headers: JsMsg['headers'], at: number): BrokerStep {
    this.handed = seq
    const found = new Map<string, string>()
    for (const name of headers?.keys() ?? []) found.set(name.toLowerCase(), headers!.get(name))
    const key = found.get('key')
    const place = String(seq)
    const record: BrokerRecord = {
      topic: subject,
      part: this.options.stream,
      place,
      at,
      key: key === undefined ? null : Buffer.from(key),
      // What a message is about stands in its subject: orders.17.
      orderedBy: subject,
      value: data,
      headers: found,
    }
    return { tag: 'records', lease: this.lease, records: [record], last: place }
  }

  /** It may be on a connection that is gone: then it is delivered again. */
  private acknowledgeOne(message: JsMsg): void {
    try {
      message.ack()
    } catch {
      // As above.
    }
  }

  private described(error: unknown): BingoError {
    if (error instanceof BingoError) return error
    const why = error instanceof Error ? error.message : String(error)
    const isDenied = /permissions? violation/i.test(why)
    const hint = isDenied
      ? 'Grant the user publish to $JS.API.> and $JS.ACK.>, and subscribe to _INBOX.>.'
      : CHECK_BROKER
    return brokerUnreachable(this.description, why, hint, error)
  }
}
