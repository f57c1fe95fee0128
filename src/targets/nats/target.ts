import { setImmediate } from 'node:timers/promises'
import type { MsgHdrs } from '@nats-io/transport-node'
import { newHeaders } from '../../clients/nats/nats.ts'
import { contentBytes } from '../../model/event/bytes/content.ts'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { shortestTimeoutMs } from '../failure/deadline.ts'
import { sendInRounds } from '../failure/in-order.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { messageId } from '../plan/message-id.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { ServerConnection } from './connection.ts'
import { natsFailure } from './failure.ts'
import type { NatsActionOptions, NatsPayload, NatsTargetOptions } from './options.ts'

const MAX_BATCH = 500

/**
 * JetStream: each message is acknowledged by the stream that stored it, and carries the event's id, by which the stream
 * drops repetitions within its duplicate window. Core NATS: the server has read it, whoever listens. After a failure
 * that is the server's, and not the message's, the connection is thrown away and the next send opens another.
 */
export class NatsTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #options: NatsTargetOptions
  readonly #address: string
  readonly #age: ConnectionAge
  #connection: ServerConnection | null = null
  #opening: Promise<ServerConnection> | null = null

  constructor(options: NatsTargetOptions, address: string) {
    this.#options = options
    this.#address = address
    this.#age = new ConnectionAge(options.maxConnectionAgeMs)
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    if (this.#age.isOver) await this.#discard()
    const failures = await sendInRounds(jobs, (round) => this.#publishRound(round))
    if (failures.every((failure) => failure === null)) return undefined
    if (failures.some((failure) => failure?.kind === 'down')) await this.#discard()
    return failures
  }

  async #publishRound(round: readonly Sendable[]): Promise<readonly (DeliveryFailure | null)[]> {
    let connection: ServerConnection
    try {
      connection = await withDeadline(this.#connected(), shortestTimeoutMs(round))
    } catch (error) {
      return round.map((job) => this.#failure(job, error))
    }
    const flush = new SharedFlush(connection)
    const works = round.map((job) => (isStored(job) ? store(connection, job) : tell(connection, job, flush)))
    const outcomes = await Promise.allSettled(works)
    return outcomes.map((outcome, i) =>
      outcome.status === 'fulfilled' ? null : this.#failure(round[i]!, outcome.reason),
    )
  }

  #failure(job: Sendable, error: unknown): DeliveryFailure {
    const { subject } = job.payload as NatsPayload
    const { subjectSource } = job.action.options as NatsActionOptions
    return natsFailure(this.#address, { source: subjectSource, rendered: subject }, error)
  }

  /** Connects, and asks for a stream that covers the subject, where that is known. */
  async check({ options, timeoutMs }: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    const { jetstream, subject } = options as NatsActionOptions
    try {
      const connection = await withDeadline(this.#connected(), timeoutMs)
      if (!jetstream || subject === undefined) return null
      const manager = await withDeadline(connection.jetstream.jetstreamManager(), timeoutMs)
      await withDeadline(manager.streams.find(subject), timeoutMs)
      return null
    } catch (error) {
      return natsFailure(this.#address, { source: subject ?? '', rendered: subject ?? '' }, error)
    }
  }

  async #connected(): Promise<ServerConnection> {
    if (this.#connection?.lost === false) return this.#connection
    if (this.#opening === null) {
      this.#age.begin()
      this.#opening = ServerConnection.open(this.#options)
    }
    const opening = this.#opening
    const connection = await opening
    if (this.#opening === opening) {
      this.#opening = null
      this.#connection = connection
    }
    return connection
  }

  /** The next send makes an attempt of its own, and does not wait for one that may hang. */
  async #discard(): Promise<void> {
    this.#opening?.then((late) => late.close()).catch(() => undefined)
    this.#opening = null
    const connection = this.#connection
    this.#connection = null
    await connection?.close()
  }

  async close(): Promise<void> {
    await this.#discard()
  }
}

function isStored({ action }: Sendable): boolean {
  return (action.options as NatsActionOptions).jetstream
}

/** Resolves when a stream has stored the message. The client has a timer for each request anyhow. */
async function store({ jetstream }: ServerConnection, job: Sendable): Promise<void> {
  const { subject, body } = job.payload as NatsPayload
  const headers = headersOf(job)
  const timeout = job.action.timeoutMs
  await jetstream.publish(subject, contentBytes(body), { msgID: messageId(job.id, job.action), headers, timeout })
}

/** Resolves when the server has read the message and has not refused it. */
async function tell(connection: ServerConnection, job: Sendable, flush: SharedFlush): Promise<void> {
  const { subject, body } = job.payload as NatsPayload
  const headers = headersOf(job)
  headers.set('Nats-Msg-Id', messageId(job.id, job.action))
  connection.client.publish(subject, contentBytes(body), { headers })
  const denial = await withDeadline(flush.denialOf(subject), job.action.timeoutMs)
  if (denial !== undefined) throw denial
}

/** One question to the server behind all that is published in this turn, and its refusals, each of which is reported once. */
class SharedFlush {
  readonly #connection: ServerConnection
  readonly #denials = new Map<string, Error | undefined>()
  #flushed: Promise<void> | null = null

  constructor(connection: ServerConnection) {
    this.#connection = connection
  }

  async denialOf(subject: string): Promise<Error | undefined> {
    await (this.#flushed ??= this.#flush())
    if (!this.#denials.has(subject)) this.#denials.set(subject, this.#connection.takeDenial(subject))
    return this.#denials.get(subject)
  }

  async #flush(): Promise<void> {
    // When all of this turn has been published.
    await Promise.resolve()
    await this.#connection.client.flush()
    // A refusal was read before the answer to the flush; the client tells of it a turn later.
    await setImmediate()
  }
}

function headersOf(job: Sendable): MsgHdrs {
  const headers = newHeaders()
  const { contentType } = job.action.options as NatsActionOptions
  if (contentType !== '') headers.set('Content-Type', contentType)
  for (const [name, value] of Object.entries((job.payload as NatsPayload).headers)) headers.set(name, value)
  return headers
}
