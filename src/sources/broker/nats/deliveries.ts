import type { ConsumerInfo, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { withDeadline } from '../../../model/with-deadline.ts'
import { consumerOf, type NatsStreamOptions } from './connection.ts'
import { storedMessages } from './stored-messages.ts'

/** On a line that is dead, no more. */
const ANSWER_MS = 1_000
type Consumer = Pick<NatsStreamOptions, 'stream' | 'topics' | 'group'>

/**
 * What the durable consumer waits for: messages in flight, and those that are finished and that it does not know as such.
 * Each is acknowledged when it is finished, also where it was delivered to somebody else: a consumer that still waits for
 * one has the next reader begin there, however much behind it is finished.
 */
export class Deliveries {
  /** Sequence of the newest message that is finished. */
  finishedUpTo = 0
  readonly #consumer: Consumer
  #client: NatsConnection | null = null
  /** In the order of their sequence; null: what they are acknowledged by was on another connection. */
  readonly #inFlight = new Map<number, JsMsg | null>()

  constructor(consumer: Consumer) {
    this.#consumer = consumer
  }

  get size(): number {
    return this.#inFlight.size
  }

  /** Acknowledges by this connection from now on. */
  useClient(client: NatsConnection): void {
    this.#client = client
    for (const seq of this.#inFlight.keys()) this.#inFlight.set(seq, null)
  }

  /** Null: delivered to somebody else, and read from the stream. */
  add(seq: number, message: JsMsg | null): void {
    if (seq <= this.finishedUpTo) this.#acknowledge(seq, message)
    else if (message !== null || !this.#inFlight.has(seq)) this.#inFlight.set(seq, message)
  }

  finish(upTo: number): void {
    this.finishedUpTo = Math.max(this.finishedUpTo, upTo)
    for (const [seq, message] of this.#inFlight) {
      if (seq > this.finishedUpTo) break
      this.#inFlight.delete(seq)
      this.#acknowledge(seq, message)
    }
  }

  /** What is in flight is finished, and never acknowledged here. */
  forget(): void {
    this.#inFlight.clear()
  }

  /**
   * Resolves when the server knows of everything that is finished, also of what was acknowledged by a connection that was
   * cut. Rejects with the client's error.
   */
  async settled(manager: JetStreamManager): Promise<void> {
    const waiting = await withDeadline(this.#waiting(manager), ANSWER_MS)
    if (waiting === null || waiting.num_ack_pending === 0) return
    const range = { after: waiting.ack_floor.stream_seq, last: this.finishedUpTo }
    for await (const { seq } of storedMessages(manager, this.#consumer, range)) this.add(seq, null)
    await this.#workedOff()
  }

  /** What the consumer waits for when it has worked off what was sent to it; null: it was deleted. */
  async #waiting(manager: JetStreamManager): Promise<ConsumerInfo | null> {
    if ((await consumerOf(manager, this.#consumer)) === null) return null
    await this.#workedOff()
    return consumerOf(manager, this.#consumer)
  }

  /** Acknowledgements are taken in their order, and the last one is answered. */
  async #workedOff(): Promise<void> {
    await this.#client?.request(this.#subject(this.finishedUpTo))
  }

  /** By a connection that is gone nothing is: then it is delivered again. */
  #acknowledge(seq: number, message: JsMsg | null): void {
    try {
      if (message === null) this.#client?.publish(this.#subject(seq))
      else message.ack()
    } catch {
      // As above.
    }
  }

  /**
   * Where a message is acknowledged (ADR-15): the server looks it up by its sequence, the second number, and takes an empty
   * text for an acknowledgement.
   */
  #subject(seq: number): string {
    const { stream, group } = this.#consumer
    return `$JS.ACK.${stream}.${group}.1.${seq}.0.0.0`
  }
}
