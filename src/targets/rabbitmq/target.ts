import type { Envelope } from 'rabbitmq-client'
import { systemClock } from '../../model/clock.ts'
import type { ActionPlan, DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import { codeOf } from '../failure/error-text.ts'
import { BEHIND, sendInOrder, sendInRounds } from '../failure/in-order.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { messageId } from '../plan/message-id.ts'
import { shortId } from '../plan/short-id.ts'
import { printableAddress } from '../plan/target-id.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import type { ConfirmChannel, Message } from './confirm-channel.ts'
import { BrokerBlockedError, BrokerConnection } from './connection.ts'
import { publishFailure, returnedFailure } from './failure.ts'
import type { RabbitmqActionOptions, RabbitmqPayload, RabbitmqTargetOptions } from './options.ts'

const MAX_BATCH = 1_000
const CLOSE_TIMEOUT_MS = 1_000

/**
 * Persistent, mandatory messages with publisher confirms. A message that no queue takes comes back before its confirm
 * and counts as a failure. After a failure that is the broker's, and not the message's, the connection is thrown away:
 * nothing waits on it any longer, and the next send opens another.
 */
export class RabbitmqTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #options: RabbitmqTargetOptions
  readonly #address: string
  readonly #age: ConnectionAge
  #connection: BrokerConnection | null = null
  #opening: { readonly promise: Promise<BrokerConnection>; readonly abort: AbortController } | null = null
  /** Failed in the send under way; thrown away at its end, so that neighbours may still be confirmed. */
  #broken: BrokerConnection | null = null
  /** Under way, in this send, on a channel that the broker closed over one of them. */
  readonly #suspects = new Set<Sendable>()

  constructor(options: RabbitmqTargetOptions) {
    this.#options = options
    this.#address = printableAddress(options.url)
    this.#age = new ConnectionAge(options.maxConnectionAgeMs)
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    this.#suspects.clear()
    if (this.#age.isOver) await this.#leave()
    const sent = await sendInRounds(jobs, (round) => this.#publishRound(round))
    const failures = this.#suspects.size > 1 ? await this.#findCulprits(jobs, sent) : sent
    if (this.#broken !== null) this.#discard(this.#broken)
    this.#abandonOpening()
    return failures.some((failure) => failure !== null) ? failures : undefined
  }

  /**
   * When the broker closes a channel over a message it does not say over which. So what was under way on the channel
   * goes again one by one, and only the message that is refused then has failed for that reason.
   */
  async #findCulprits(
    jobs: readonly Sendable[],
    sent: readonly (DeliveryFailure | null)[],
  ): Promise<readonly (DeliveryFailure | null)[]> {
    const failures = [...sent]
    const rows = new Set([...this.#suspects].map((job) => job.key))
    const open = jobs.flatMap((job, index) =>
      this.#suspects.has(job) || (failures[index] === BEHIND && rows.has(job.key)) ? [{ job, index }] : [],
    )
    const again = await sendInOrder(
      open.map(({ job }) => job),
      async (job) => (await this.#publishRound([job]))[0]!,
    )
    for (const [i, { index }] of open.entries()) failures[index] = again?.[i] ?? null
    return failures
  }

  async #publishRound(round: readonly Sendable[]): Promise<readonly (DeliveryFailure | null)[]> {
    const { action } = round[0]!
    if (round.every((job) => job.action === action)) return this.#publishOf(action, round)
    const results = Array.from<DeliveryFailure | null>({ length: round.length }).fill(null)
    const groups = [...Map.groupBy(round.keys(), (place) => round[place]!.action)]
    await Promise.all(
      groups.map(async ([ofAction, places]) => {
        const sent = await this.#publishOf(
          ofAction,
          places.map((place) => round[place]!),
        )
        for (const [i, place] of places.entries()) results[place] = sent[i]!
      }),
    )
    return results
  }

  /** Messages of different rows by one action, side by side. */
  async #publishOf(
    { options, timeoutMs }: ActionPlan,
    jobs: readonly Sendable[],
  ): Promise<readonly (DeliveryFailure | null)[]> {
    const { exchange } = options as RabbitmqActionOptions
    const startedMs = systemClock.monotonicMs()
    const leftMs = (): number => Math.max(1, timeoutMs - (systemClock.monotonicMs() - startedMs))
    let connection: BrokerConnection | undefined
    let channel: ConfirmChannel | undefined
    const failed = (job: Sendable, error: unknown): DeliveryFailure => {
      const failure = publishFailure(this.#address, exchange, channel?.closeReason ?? error)
      this.#afterFailure(job, failure, connection, channel)
      return failure
    }
    try {
      const live = (connection = await withDeadline(this.#connected(), timeoutMs))
      channel = await withDeadline(
        live.unlessBlocked(() => live.channel(exchange)),
        leftMs(),
      )
      const outcomes = await channel.publishAll(jobs.map(messageOf), leftMs(), (cutOff) => live.onBlocked(cutOff))
      return outcomes.map((outcome, i) => {
        if (outcome === null) return null
        if ('reason' in outcome) return failed(jobs[i]!, outcome.reason)
        return returnedFailure(this.#address, exchange, outcome)
      })
    } catch (error) {
      return jobs.map((job) => failed(job, error))
    }
  }

  #afterFailure(
    job: Sendable,
    failure: DeliveryFailure,
    connection: BrokerConnection | undefined,
    channel: ConfirmChannel | undefined,
  ): void {
    const { cause } = failure.error
    if (channel === undefined || channel.closed)
      connection?.forget((job.action.options as RabbitmqActionOptions).exchange)
    // A blocked connection is kept: the broker tells on it when it takes messages again.
    if (failure.kind === 'down' && !(cause instanceof BrokerBlockedError)) this.#broken = connection ?? null
    // A missing exchange holds for all that goes there; for anything else one of the messages is to blame.
    else if (channel?.closed === true && codeOf(cause) !== 'NOT_FOUND') this.#suspects.add(job)
  }

  async check({ options, timeoutMs }: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    const { exchange } = options as RabbitmqActionOptions
    try {
      const connection = await withDeadline(this.#connected(), timeoutMs)
      // The exchange without a name is always there, and cannot be asked for.
      if (exchange !== '') await withDeadline(connection.mustHave(exchange), timeoutMs)
      return null
    } catch (error) {
      this.#abandonOpening()
      return publishFailure(this.#address, exchange, error)
    }
  }

  async #connected(): Promise<BrokerConnection> {
    if (this.#connection?.lost === false) return this.#connection
    if (this.#opening === null) {
      const abort = new AbortController()
      this.#age.begin()
      this.#opening = { promise: BrokerConnection.open(this.#options, abort.signal), abort }
    }
    const connection = await this.#opening.promise
    this.#opening = null
    this.#connection = connection
    return connection
  }

  /** At the end of a send nobody waits for it any longer; the next send makes an attempt of its own. */
  #abandonOpening(): void {
    this.#opening?.abort.abort()
    this.#opening = null
  }

  #discard(connection: BrokerConnection): void {
    connection.destroy()
    this.#broken = null
    if (this.#connection === connection) this.#connection = null
  }

  async close(): Promise<void> {
    this.#abandonOpening()
    await this.#leave()
  }

  /** In good order, if the broker lets us. */
  async #leave(): Promise<void> {
    const connection = this.#connection
    if (connection === null) return
    await withDeadline(connection.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
    this.#discard(connection)
  }
}

function messageOf(job: Sendable): Message {
  return { envelope: envelopeOf(job), body: (job.payload as RabbitmqPayload).body }
}

function envelopeOf(job: Sendable): Envelope {
  const { exchange, contentType } = job.action.options as RabbitmqActionOptions
  const { routingKey, headers } = job.payload as RabbitmqPayload
  const id = shortId(messageId(job.id, job.action))
  const correlationId = headers['bingo-correlation-id']
  return {
    exchange,
    routingKey,
    contentType,
    messageId: id,
    ...(correlationId !== undefined && { correlationId: shortId(correlationId) }),
    headers: { ...headers, 'bingo-event-id': job.id },
  }
}
