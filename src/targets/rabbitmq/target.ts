import type { Envelope } from 'rabbitmq-client'
import { systemClock } from '../../model/clock.ts'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { codeOf } from '../failure/error-text.ts'
import { BEHIND, sendInOrder, sendInRounds } from '../failure/in-order.ts'
import { messageId } from '../plan/message-id.ts'
import { shortId } from '../plan/short-id.ts'
import { printableAddress } from '../plan/target-id.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import type { ConfirmChannel, Message } from './confirm-channel.ts'
import { BrokerBlockedError, type BrokerConnection } from './connection.ts'
import { Connections } from './connections.ts'
import { publishFailure, returnedFailure } from './failure.ts'
import type { RabbitmqActionOptions, RabbitmqPayload, RabbitmqTargetOptions } from './options.ts'

/** While the broker confirms the last messages of one send, it has those of the other. */
const MAX_CONCURRENCY = 2
/** Unconfirmed messages of a send. */
const MAX_BATCH = 500

/** What a send has come upon so far. */
interface Attempt {
  /** Tells it from the other sends in flight. */
  readonly slot: number
  readonly used: Set<BrokerConnection>
  /** Failed in this send; thrown away when it is not used any more, so that neighbours may still be confirmed. */
  broken: BrokerConnection | null
  /** In flight on a channel that the broker closed over one of them. */
  readonly suspects: Set<Sendable>
}

/**
 * Persistent, mandatory messages with publisher confirms. A message that no queue takes comes back before its confirm
 * and counts as a failure. After a failure that is the broker's, and not the message's, the connection is thrown away:
 * nothing waits on it any longer, and the next send opens another. Sends in flight have no row in common, and share the
 * connection only.
 */
export class RabbitmqTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = MAX_CONCURRENCY
  readonly #address: string
  readonly #connections: Connections
  /** Of the sends in flight. */
  readonly #slots = new Set<number>()

  constructor(options: RabbitmqTargetOptions) {
    this.#address = printableAddress(options.url)
    this.#connections = new Connections(options)
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    const attempt = this.#begin()
    try {
      await this.#connections.renewIfOld()
      const sent = await sendInRounds(jobs, (round) => this.#publishRound(attempt, round))
      const failures = attempt.suspects.size > 1 ? await this.#findCulprits(attempt, jobs, sent) : sent
      return failures.some((failure) => failure !== null) ? failures : undefined
    } finally {
      this.#end(attempt)
    }
  }

  #begin(): Attempt {
    let slot = 0
    while (this.#slots.has(slot)) slot += 1
    this.#slots.add(slot)
    return { slot, used: new Set(), broken: null, suspects: new Set() }
  }

  #end({ slot, used, broken }: Attempt): void {
    this.#slots.delete(slot)
    void broken?.whenUnused(async () => broken.destroy())
    for (const connection of used) connection.exit()
    if (this.#slots.size === 0) this.#connections.abandonOpening()
  }

  /**
   * When the broker closes a channel over a message it does not say over which. So what was under way on the channel
   * goes again one by one, and only the message that is refused then has failed for that reason.
   */
  async #findCulprits(
    attempt: Attempt,
    jobs: readonly Sendable[],
    sent: readonly (DeliveryFailure | null)[],
  ): Promise<readonly (DeliveryFailure | null)[]> {
    const failures = [...sent]
    const { suspects } = attempt
    const rows = new Set([...suspects].map((job) => job.key))
    const open = jobs.flatMap((job, index) =>
      suspects.has(job) || (failures[index] === BEHIND && rows.has(job.key)) ? [{ job, index }] : [],
    )
    const again = await sendInOrder(
      open.map(({ job }) => job),
      async (job) => (await this.#publishRound(attempt, [job]))[0]!,
    )
    for (const [i, { index }] of open.entries()) failures[index] = again?.[i] ?? null
    return failures
  }

  async #publishRound(attempt: Attempt, round: readonly Sendable[]): Promise<readonly (DeliveryFailure | null)[]> {
    const { action } = round[0]!
    if (round.every((job) => job.action === action)) return this.#publishOf(attempt, action, round)
    const results = Array.from<DeliveryFailure | null>({ length: round.length }).fill(null)
    const groups = [...Map.groupBy(round.keys(), (place) => round[place]!.action)]
    await Promise.all(
      groups.map(async ([ofAction, places]) => {
        const sent = await this.#publishOf(
          attempt,
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
    attempt: Attempt,
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
      this.#afterFailure(attempt, job, failure, connection, channel)
      return failure
    }
    try {
      const live = (connection = await withDeadline(this.#connections.connected(), timeoutMs))
      if (!attempt.used.has(live)) live.enter()
      attempt.used.add(live)
      channel = await withDeadline(
        live.unlessBlocked(() => live.channel(exchange, attempt.slot)),
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
    attempt: Attempt,
    job: Sendable,
    failure: DeliveryFailure,
    connection: BrokerConnection | undefined,
    channel: ConfirmChannel | undefined,
  ): void {
    const { cause } = failure.error
    if (channel === undefined || channel.closed)
      connection?.forget((job.action.options as RabbitmqActionOptions).exchange, attempt.slot)
    // A blocked connection is kept: the broker tells on it when it takes messages again.
    if (failure.kind === 'down' && !(cause instanceof BrokerBlockedError)) attempt.broken = connection ?? null
    // A missing exchange holds for all that goes there; for anything else one of the messages is to blame.
    else if (channel?.closed === true && codeOf(cause) !== 'NOT_FOUND') attempt.suspects.add(job)
  }

  async check({ options, timeoutMs }: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    const { exchange } = options as RabbitmqActionOptions
    try {
      const connection = await withDeadline(this.#connections.connected(), timeoutMs)
      // The exchange without a name is always there, and cannot be asked for.
      if (exchange !== '') await withDeadline(connection.mustHave(exchange), timeoutMs)
      return null
    } catch (error) {
      this.#connections.abandonOpening()
      return publishFailure(this.#address, exchange, error)
    }
  }

  async close(): Promise<void> {
    this.#connections.abandonOpening()
    await this.#connections.leave()
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
