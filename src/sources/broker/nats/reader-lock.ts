import { createHash } from 'node:crypto'
import type { JetStreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../../model/clock.ts'

/** Where the locks of all readers are. It never has a message. */
export const LOCK_STREAM = 'BINGO_READERS'
/** A reader that is not heard of for so long has lost its lock. */
export const LOCK_MS = 15_000
const ANSWER_MS = 5_000
const STREAM_NOT_FOUND = 10059
const STREAM_EXISTS = 10058
const CONSUMER_NOT_FOUND = 10014

/** Of a connection. */
export interface LockClient {
  readonly client: NatsConnection
  readonly manager: JetStreamManager
  /** In how many servers the lock is kept. */
  readonly replicas: number
}

/**
 * The right to read by a durable consumer. The server hands messages to whoever asks, which keeps no order; so whoever reads
 * has made a consumer of this name before, and asks by it now and then: the server makes none that is there, and removes one
 * that nobody asks by.
 */
export class ReaderLock {
  readonly #name: string
  readonly #label: string
  readonly #clock: Clock
  /** When it was last known to be held: a request that was answered had been sent then. */
  #heldAt: number | null = null
  #isReleased = false

  constructor(consumer: { readonly stream: string; readonly group: string }, owner: string, clock: Clock) {
    const { stream, group } = consumer
    this.#name = createHash('sha256').update(`${stream}/${group}`).digest('hex').slice(0, 32)
    this.#label = `${owner} reads ${stream} as ${group}`
    this.#clock = clock
  }

  /** Nobody else can have it: what was held until now was held all the time. */
  get isHeld(): boolean {
    return this.#heldAt !== null && this.#clock.monotonicMs() - this.#heldAt <= LOCK_MS
  }

  /** Takes or keeps it; false: another one has it. Rejects with the client's error. */
  async take(at: LockClient): Promise<boolean> {
    if (this.#isReleased) return false
    const now = this.#clock.monotonicMs()
    const owner = (await this.#ownerAt(at)) ?? (await this.#make(at))
    if (owner !== this.#label) {
      this.#heldAt = null
      return false
    }
    await at.client.request(
      `$JS.API.CONSUMER.MSG.NEXT.${LOCK_STREAM}.${this.#name}`,
      JSON.stringify({ batch: 1, no_wait: true }),
      { timeout: ANSWER_MS },
    )
    // It may have ended in between, and be that of another one.
    const isOurs = (await this.#ownerAt(at)) === this.#label
    this.#heldAt = isOurs ? now : null
    return isOurs
  }

  /** For good. Rejects with the client's error: then it ends by itself. */
  async release({ manager }: Pick<LockClient, 'manager'>): Promise<void> {
    this.#isReleased = true
    if (!this.isHeld) return
    this.#heldAt = null
    await manager.consumers.delete(LOCK_STREAM, this.#name)
  }

  /** Null: nobody has it. */
  async #ownerAt({ manager }: LockClient): Promise<string | null> {
    try {
      return (await manager.consumers.info(LOCK_STREAM, this.#name)).config.description ?? ''
    } catch (error) {
      if (has(error, STREAM_NOT_FOUND, CONSUMER_NOT_FOUND)) return null
      throw error
    }
  }

  /** Answers who has it: one of several that try at once. */
  async #make(at: LockClient): Promise<string | null> {
    if (this.#isReleased) return null
    const { manager, replicas } = at
    const consumer = {
      durable_name: this.#name,
      description: this.#label,
      ack_policy: 'none' as const,
      inactive_threshold: LOCK_MS * 1e6,
    }
    try {
      await this.#add(manager, replicas)
      await manager.consumers.add(LOCK_STREAM, consumer)
    } catch (error) {
      const owner = await this.#ownerAt(at)
      if (owner === null) throw error
      return owner
    }
    return this.#label
  }

  async #add(manager: JetStreamManager, replicas: number): Promise<void> {
    const description = 'Who reads a stream for BinGo, one consumer each. Nobody is to publish here.'
    await manager.streams
      .add({ name: LOCK_STREAM, subjects: [LOCK_STREAM], description, max_msgs: 1, num_replicas: replicas })
      .catch((error: unknown) => {
        if (!has(error, STREAM_EXISTS)) throw error
      })
  }
}

function has(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(error.code as number)
}
