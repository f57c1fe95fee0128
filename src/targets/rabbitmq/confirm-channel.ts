import { contentBytes, type Content } from '../../model/event/bytes/content.ts'
import { setImmediate } from 'node:timers/promises'
import type { Channel, Connection, Envelope, ReturnedMessage } from 'rabbitmq-client'
import { codeOf } from '../failure/error-text.ts'

/** What a publish that its channel cut off is rejected with; the reason was told to another. */
const CUT_OFF = 'CH_CLOSE'

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
   * Resolves once the broker has the message: with null where a queue took it, with the reply where none did. Rejects
   * with AMQPError NACK where a queue refused it, and with AMQPChannelError when the channel ends before the confirm.
   */
  async publish(envelope: Envelope, body: Content): Promise<ReturnedMessage | null> {
    this.#published += 1
    // Unique on this channel even where a rule sends an event twice; the receiver dedupes by messageId. A posted event
    // brings its own: two of one message are both returned, or neither is.
    const sent = { correlationId: String(this.#published), ...envelope, mandatory: true, durable: true }
    try {
      await this.#channel.basicPublish(sent, contentBytes(body))
    } catch (error) {
      if (codeOf(error) !== CUT_OFF && this.closed) this.#closeReason ??= error
      throw error
    }
    // The client tells of a returned message in the turn after it has read it, by which time its confirm, which comes
    // behind it, has been told of already.
    await setImmediate()
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
