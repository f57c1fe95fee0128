import type { NatsConnection } from '@nats-io/transport-node'
import { dialNats, jetstreamOf } from '../../../clients/nats/nats.ts'
import { natsOptions } from '../../../clients/nats/options.ts'
import { withDeadline } from '../../../model/with-deadline.ts'
import type { BrokerReader, BrokerStep, PartLease } from '../contract.ts'
import type { BrokerStart } from '../start.ts'
import { beginOf, missingStream, streamOf, type NatsStreamOptions } from './connection.ts'
import { natsReadError } from './errors.ts'
import { recordOfMessage } from './record.ts'

export interface NatsTailOptions extends Omit<NatsStreamOptions, 'group'> {
  readonly start: BrokerStart
}

const FETCH_COUNT = 200
/** The client takes no shorter one. */
const FETCH_MS = 1_000
const CLOSE_MS = 1_000
/** Where a killed process left its consumer, the server removes it after this time. */
const FORGOTTEN_AFTER_NS = 30e9

/** Reads a stream beside whoever else does: by a consumer that the server forgets, and without acknowledgements. */
export class NatsTailReader implements BrokerReader {
  readonly description: string
  readonly #options: NatsTailOptions
  readonly #lease: PartLease
  #client: NatsConnection | null = null
  #forget: (() => Promise<unknown>) | null = null
  /** Sequence of the newest message that was read; null: none. */
  #handed: number | null = null

  constructor(options: NatsTailOptions) {
    this.description = options.description
    this.#options = options
    this.#lease = { part: options.stream, lost: false }
  }

  async *read(_stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep> {
    const { stream, login, description } = this.#options
    try {
      await this.close()
      const client = (this.#client = await dialNats(natsOptions(login)))
      const manager = await jetstreamOf(client).jetstreamManager()
      if ((await streamOf(manager, { stream })) === null) throw missingStream({ description, stream })
      const { name } = await manager.consumers.add(stream, this.#consumer())
      this.#forget = () => manager.consumers.delete(stream, name)
      const consumer = await jetstreamOf(client).consumers.get(stream, name)
      yield { tag: 'began', places: new Map() }
      while (!signal.aborted) {
        let pending = 0
        for await (const message of await consumer.fetch({ max_messages: FETCH_COUNT, expires: FETCH_MS })) {
          pending = message.info.pending
          const { seq, subject, data, headers } = message
          this.#handed = seq
          const at = Math.floor(message.info.timestampNanos / 1e6)
          const record = recordOfMessage(stream, { seq, subject, data, headers, at })
          yield { tag: 'records', lease: this.#lease, records: [record], last: record.place }
        }
        if (client.isClosed()) throw new Error('the connection was closed')
        yield { tag: 'read', all: pending === 0 }
      }
    } catch (error) {
      throw natsReadError(description, error)
    }
  }

  ready(): undefined {
    return undefined
  }

  acknowledge(): void {
    // Nobody is to know what was looked at.
  }

  async close(): Promise<void> {
    const [client, forget] = [this.#client, this.#forget]
    this.#client = this.#forget = null
    if (forget !== null) await withDeadline(forget(), CLOSE_MS).catch(() => undefined)
    if (client !== null) await withDeadline(client.close(), CLOSE_MS).catch(() => undefined)
  }

  #consumer() {
    const { topics, start } = this.#options
    return {
      ack_policy: 'none' as const,
      inactive_threshold: FORGOTTEN_AFTER_NS,
      mem_storage: true,
      ...(topics.length > 0 && { filter_subjects: [...topics] }),
      ...beginOf(start, this.#handed),
    }
  }
}
