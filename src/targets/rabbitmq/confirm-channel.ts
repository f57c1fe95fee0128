import { contentBytes, type Content } from '../../model/event/bytes/content.ts'
import { setImmediate } from 'node:timers/promises'
import type { Channel, Connection, Envelope, ReturnedMessage } from 'rabbitmq-client'
import { codeOf } from '../failure/error-text.ts'
import { settleAll, type OnCutOff, type Rejection } from '../failure/settle-all.ts'

/** What a publish that its channel cut off is rejected with; the reason was told to another. */
const CUT_OFF = 'CH_CLOSE'

export interface Message {
  readonly envelope: Envelope
  readonly body: Content
}

/** A channel in confirm mode. When the broker closes it, `closeReason` says why. */
export class ConfirmChannel {
  readonly #channel: Channel
  /** Name of a publish → what the broker sent back. */
  readonly #returned = new Map<string, ReturnedMessage[]>()
  #published = 0
  #closeReason: unknown = null

  private constructor(channel: Channel) {
    this.#channel = channel
    channel.on('basic.return', (message) => {
      const name = nameOf(message)
      this.#returned.set(name, [...(this.#returned.get(name) ?? []), message])
    })
    channel.on('error', (error: unknown) => {
      this.#closeReason ??= error
    })
  }

  static async open(connection: Connection): Promise<ConfirmChannel> {
    const channel = await connection.acquire({ emitErrorsFromChannel: true })
    const confirming = new ConfirmChannel(channel)
    await channel.confirmSelect()
    return confirming
  }

  get closed(): boolean {
    return !this.#channel.active
  }

  /** AMQPChannelError with the broker's reply code; null where none was told. */
  get closeReason(): unknown {
    return this.#closeReason
  }

  /**
   * Publishes all of them, and resolves once the broker has each: with null where a queue took it, with the reply where none
   * did, and with the rejection where a queue refused it (AMQPError NACK), where the channel ended before its confirm
   * (AMQPChannelError), or where it is not confirmed after `ms`.
   */
  async publishAll(
    messages: readonly Message[],
    ms: number,
    onCutOff: OnCutOff,
  ): Promise<readonly (Rejection | ReturnedMessage | null)[]> {
    const sent = messages.map(({ envelope }) => {
      this.#published += 1
      // Unique on this channel even where a rule sends an event twice; the receiver dedupes by messageId. A posted event
      // brings its own: two of one message are both returned, or neither is.
      return { correlationId: String(this.#published), ...envelope, mandatory: true, durable: true }
    })
    const confirms = messages.map(({ body }, i) => this.#publish(sent[i]!, body))
    const outcomes = await settleAll(confirms, ms, onCutOff)
    for (const outcome of outcomes) {
      if (outcome !== null && codeOf(outcome.reason) !== CUT_OFF && this.closed) this.#closeReason ??= outcome.reason
    }
    // The client tells of a returned message in the turn after it has read it, by which time its confirm, which comes
    // behind it, has been told of already.
    await setImmediate()
    if (this.#returned.size === 0) return outcomes
    return outcomes.map((outcome, i) => outcome ?? this.#takeReturned(sent[i]!))
  }

  async #publish(envelope: Envelope, body: Content): Promise<void> {
    await this.#channel.basicPublish(envelope, contentBytes(body))
  }

  #takeReturned(sent: Envelope): ReturnedMessage | null {
    const name = nameOf(sent)
    const [reply, ...more] = this.#returned.get(name) ?? []
    if (more.length > 0) this.#returned.set(name, more)
    else this.#returned.delete(name)
    return reply ?? null
  }

  async close(): Promise<void> {
    await this.#channel.close()
  }
}

function nameOf({ correlationId = '', messageId = '' }: Pick<Envelope, 'correlationId' | 'messageId'>): string {
  return `${correlationId}\0${messageId}`
}
