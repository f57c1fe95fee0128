import { setImmediate } from 'node:timers/promises'
import { Connection } from 'rabbitmq-client'
import type { Channel, ReturnedMessage } from 'rabbitmq-client'
import type { DeliveryFailure, Job, SendResult, Target } from '../../../core/action.ts'
import { AMQP_ERRORS, classify } from '../../classify.ts'
import { codeOf, deliveryFailure, reasonOf } from '../../failure.ts'
import { printableAddress } from '../../target-id.ts'
import { readTls } from '../../tls-files.ts'
import { withDeadline } from '../../with-deadline.ts'
import type { RabbitmqActionOptions, RabbitmqPayload, RabbitmqTargetOptions } from './options.ts'

const MAX_BATCH = 1_000
const ACQUIRE_TIMEOUT_MS = 5_000
const CLOSE_TIMEOUT_MS = 1_000
/** A broker that is short of memory or disk stops confirming; by then it has had its time. */
const CONFIRM_TIMEOUT_MS = 30_000

/** A channel in confirm mode, and what the broker returned on it: message id → reply. */
interface ConfirmChannel {
  readonly channel: Channel
  readonly returned: Map<string, ReturnedMessage>
}

/**
 * Persistent, mandatory messages with publisher confirms. A message that no queue takes comes back before its confirm
 * and counts as a failure. Each exchange has a channel of its own, as a missing exchange closes the channel it is used on.
 */
export class RabbitmqTarget implements Target {
  readonly gather = 'all'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency = 1
  readonly #connection: Connection
  readonly #address: string
  readonly #channels = new Map<string, Promise<ConfirmChannel>>()
  #lastError: unknown = null

  constructor(options: RabbitmqTargetOptions) {
    this.#address = printableAddress(options.url)
    this.#connection = new Connection({
      url: options.url,
      connectionName: 'bingo',
      acquireTimeout: ACQUIRE_TIMEOUT_MS,
      connectionTimeout: ACQUIRE_TIMEOUT_MS,
      retryLow: 200,
      retryHigh: 5_000,
      ...(options.tls && { tls: readTls(options.tls) }),
    })
    // Reported by the sends that it makes fail.
    this.#connection.on('error', (error: unknown) => {
      this.#lastError = error
    })
  }

  async send(jobs: readonly Job[]): Promise<SendResult> {
    const outcomes = await Promise.all(jobs.map((job, index) => this.#publish(job, index)))
    return outcomes.some((outcome) => outcome !== null) ? outcomes : undefined
  }

  async #publish(job: Job, index: number): Promise<DeliveryFailure | null> {
    const { exchange, contentType } = job.action.options as RabbitmqActionOptions
    const { routingKey, headers, body } = job.payload as RabbitmqPayload
    // Unique in this send even where a rule sends an event twice; the receiver dedupes by messageId.
    const correlationId = String(index)
    try {
      const { channel, returned } = await this.#channel(exchange)
      await withDeadline(
        channel.basicPublish(
          {
            exchange,
            routingKey,
            mandatory: true,
            durable: true,
            contentType,
            messageId: job.change.id,
            correlationId,
            headers,
          },
          Buffer.from(body),
        ),
        CONFIRM_TIMEOUT_MS,
      )
      // The client tells of a returned message in the turn after it has read it, by which time its confirm, which comes
      // behind it, has been told of already.
      await setImmediate()
      const reply = returned.get(correlationId)
      if (reply === undefined) return null
      returned.delete(correlationId)
      return this.#failure(String(reply.replyCode), exchange, `returned the message: ${reply.replyText}`, undefined)
    } catch (error) {
      this.#forget(exchange)
      return this.#failure(codeOf(error) ?? '', exchange, reasonOf(error), error)
    }
  }

  #channel(exchange: string): Promise<ConfirmChannel> {
    let opening = this.#channels.get(exchange)
    if (opening === undefined) {
      opening = this.#openChannel(exchange)
      this.#channels.set(exchange, opening)
    }
    return opening
  }

  async #openChannel(exchange: string): Promise<ConfirmChannel> {
    const channel = await this.#connection.acquire({ emitErrorsFromChannel: true })
    const returned = new Map<string, ReturnedMessage>()
    channel.on('basic.return', (message) => {
      if (message.correlationId !== undefined) returned.set(message.correlationId, message)
    })
    channel.on('error', (error: unknown) => {
      this.#lastError = error
    })
    channel.once('close', () => this.#forget(exchange))
    await channel.confirmSelect()
    return { channel, returned }
  }

  #forget(exchange: string): void {
    const opening = this.#channels.get(exchange)
    this.#channels.delete(exchange)
    opening?.then(({ channel }) => channel.close()).catch(() => undefined)
  }

  #failure(code: string, exchange: string, reason: string, error: unknown): DeliveryFailure {
    // A publish that was cut off by its channel says little; the channel's own error says why.
    const why = code === 'CH_CLOSE' ? (this.#lastError ?? error) : error
    const word = why === error ? code : (codeOf(why) ?? code)
    const kind = classify(AMQP_ERRORS, word)
    const message = `RabbitMQ at ${this.#address}, exchange "${exchange}": ${why === error ? reason : reasonOf(why)}`
    return deliveryFailure(kind, kind === 'down' ? 'BINGO_RABBITMQ_UNREACHABLE' : 'BINGO_RABBITMQ_REFUSED', message, {
      hint: HINTS[word],
      cause: error,
    })
  }

  async close(): Promise<void> {
    await withDeadline(this.#connection.close(), CLOSE_TIMEOUT_MS).catch(() => undefined)
    this.#connection.unsafeDestroy()
  }
}

const HINTS: { readonly [code: string]: string } = {
  '312': 'Bind a queue to the exchange for this routing key.',
  NOT_FOUND: 'Declare the exchange, or mend its name in the rule.',
  ACCESS_REFUSED: 'Grant the user write permission on the exchange.',
}
