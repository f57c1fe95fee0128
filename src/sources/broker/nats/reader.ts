import type { JsMsg } from '@nats-io/jetstream'
import { jetstreamOf } from '../../../clients/nats/nats.ts'
import type { Clock, Timer } from '../../../model/clock.ts'
import type { Log } from '../../../model/rule/action.ts'
import { withDeadline } from '../../../model/with-deadline.ts'
import type { BrokerReader, BrokerStep, Finished, PartLease } from '../contract.ts'
import { gapOf, type OnGap } from '../errors.ts'
import { lastAttempts } from '../last-attempts.ts'
import type { BrokerStart } from '../start.ts'
import { Deliveries } from './deliveries.ts'
import {
  hangUp,
  openConsumer,
  openNats,
  type NatsStreamOptions,
  type OpenConsumer,
  type OpenNats,
} from './connection.ts'
import { natsReadError } from './errors.ts'
import { LOCK_MS, ReaderLock, type LockClient } from './reader-lock.ts'
import { recordOfMessage } from './record.ts'
import { storedMessages } from './stored-messages.ts'

export interface NatsReaderOptions extends NatsStreamOptions {
  /** Of this instance, unique among those that read by the durable consumer. */
  readonly instanceId: string
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
const RENEWALS = 3
const WAIT_MS = 500

/**
 * A stream, read in the order of its sequence by one reader at a time. The durable consumer keeps what is acknowledged; but
 * what it delivers again, after a restart or an acknowledgement that took long, would come behind newer messages. So what was
 * delivered and not acknowledged is read from the stream first, and what is delivered again is known as in flight, or done.
 */
export class NatsReader implements BrokerReader {
  readonly description: string
  private readonly options: NatsReaderOptions
  private readonly lock: ReaderLock
  private lease: PartLease
  private renewing: Timer | null = null
  private open: (OpenNats & OpenConsumer) | null = null
  private dialled: OpenNats | null = null
  private isClosed = false
  private readonly deliveries: Deliveries
  /** Sequence of the newest message that was handed out. */
  private handed = 0
  private lookAt = 0
  /** How many deliveries there were, those of messages that are delivered again too. */
  private delivered = 0

  constructor(options: NatsReaderOptions) {
    const { description, stream, instanceId, clock } = options
    this.options = options
    this.description = description
    this.lease = { part: stream, lost: true }
    this.lock = new ReaderLock(options, instanceId, clock)
    this.deliveries = new Deliveries(options)
  }

  async *read(stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep> {
    try {
      await this.dial()
      yield* this.locked(signal)
      if (signal.aborted) return
      yield* this.begin(stored)
      while (!signal.aborted && !this.lease.lost) yield* this.fetch()
    } catch (error) {
      throw natsReadError(this.description, error)
    }
  }

  ready(): undefined {
    // A process that stood still may have been replaced without having heard of it.
    if (!this.lease.lost && !this.lock.isHeld) this.lose()
    return undefined
  }

  acknowledge(finished: Finished): void {
    this.ready()
    const place = finished.get(this.lease)
    if (place === undefined || this.lease.lost) return
    this.deliveries.finish(Number(place))
  }

  async close(): Promise<void> {
    const { clock, log } = this.options
    this.renewing?.cancel()
    this.open = null
    // The next reader begins behind what the server knows as acknowledged.
    if (!(await lastAttempts(() => this.acknowledged(), clock))) {
      log.warn({ source: this.description }, 'messages could not be acknowledged: they are delivered again')
    }
    this.isClosed = true
    const { dialled } = this
    this.dialled = null
    if (dialled !== null) await withDeadline(this.lock.release(dialled), CLOSE_MS).catch(() => undefined)
    this.lose()
    if (dialled !== null) await hangUp(dialled)
  }

  /** False: the server may not know yet of everything that is finished, as where a connection was cut. */
  private async acknowledged(): Promise<boolean> {
    this.ready()
    if (this.lease.lost || this.deliveries.finishedUpTo === 0) return true
    try {
      if (this.dialled === null) await this.dial()
      await this.deliveries.settled(this.dialled!.manager)
      return true
    } catch {
      const { dialled } = this
      this.dialled = null
      if (dialled !== null) void hangUp(dialled)
      return false
    }
  }

  private async dial(): Promise<void> {
    const previous = this.dialled?.client
    this.open = this.dialled = null
    if (previous !== undefined) await withDeadline(previous.close(), CLOSE_MS).catch(() => undefined)
    const dialled = await openNats(this.options)
    this.dialled = dialled
    if (this.isClosed) return hangUp(dialled)
    this.deliveries.useClient(dialled.client)
    this.renewing ??= this.options.clock.every(LOCK_MS / RENEWALS, () => void this.renew())
  }

  /** Waits until nobody else reads. */
  private async *locked(signal: AbortSignal): AsyncIterable<BrokerStep> {
    const { stream, group, clock, log } = this.options
    if (!this.lock.isHeld) this.lose()
    for (let isToldOf = false; !signal.aborted; isToldOf = true) {
      if (await this.lock.take(this.lockClient())) break
      this.lose()
      if (!isToldOf)
        log.info({ source: this.description, durable: group }, 'another instance reads the stream: waiting')
      yield { tag: 'read', all: true }
      await clock.sleep(WAIT_MS, signal).catch(() => undefined)
      if (this.dialled!.client.isClosed()) throw new Error('the connection was closed')
    }
    if (this.lease.lost) this.lease = { part: stream, lost: false }
  }

  private lockClient(): LockClient {
    const { client, manager, stream } = this.dialled!
    return { client, manager, replicas: stream.config.num_replicas }
  }

  private async renew(): Promise<void> {
    if (this.open === null || this.lease.lost) return
    try {
      if (!(await this.lock.take(this.lockClient()))) this.lose()
    } catch {
      // The next one comes before the lock ends; whoever reads reports a server that is down.
    }
  }

  /** What is in flight is finished, and read again by whoever reads now. */
  private lose(): void {
    this.lease.lost = true
    this.deliveries.forget()
    this.handed = this.deliveries.finishedUpTo
  }

  private async *begin(stored: ReadonlyMap<string, string> | null): AsyncIterable<BrokerStep> {
    const { stream, start } = this.options
    const dialled = this.dialled!
    const known = Number(stored?.get(stream) ?? 0)
    const before = Math.max(this.handed, known)
    // A consumer that was removed is made again before what is in flight: after a kill that is read again.
    const finished = Math.max(this.deliveries.finishedUpTo, known)
    const isStored = stored?.has(stream) === true || finished > 0
    const opened = await openConsumer(dialled, this.options, start, isStored ? finished : null)
    this.open = { ...dialled, ...opened }
    const { consumer, isKnown } = opened
    const isFirst = stored === null && !isKnown
    const { delivered, ack_floor: acknowledged } = consumer
    this.handed = Math.max(before, (isKnown ? acknowledged : delivered).stream_seq)
    if (this.deliveries.size === 0) this.deliveries.finish(this.handed)
    if (stored === null) yield { tag: 'began', places: new Map([[stream, String(this.handed)]]) }
    // A purge moves what the consumer has acknowledged: what this instance has stored tells the gap.
    if (!isFirst) yield* this.gap(before === 0 ? this.handed : before)
    this.delivered = delivered.consumer_seq
    // What the consumer waits for although it is finished is acknowledged, so that nobody reads it again.
    yield* this.between(delivered.stream_seq, Math.min(this.handed, acknowledged.stream_seq))
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
  private async *between(last: number, after = this.handed): AsyncIterable<BrokerStep> {
    for await (const message of storedMessages(this.open!.manager, this.options, { after, last })) {
      if (this.lease.lost) return
      this.deliveries.add(message.seq, null)
      if (message.seq > this.handed) {
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
      if (this.lease.lost) return
      pending = message.info.pending
      const { seq, redelivered } = message
      const { deliverySequence } = message.info
      const isNext = deliverySequence === this.delivered + 1 && !redelivered
      this.delivered = deliverySequence
      if (!isNext) yield* this.between(seq - 1)
      this.deliveries.add(seq, message)
      if (seq > this.handed) {
        const at = Math.floor(message.info.timestampNanos / 1e6)
        yield this.stepOf(seq, message.subject, message.data, message.headers, at)
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
    const record = recordOfMessage(this.options.stream, { seq, subject, data, headers, at })
    return { tag: 'records', lease: this.lease, records: [record], last: record.place }
  }
}
