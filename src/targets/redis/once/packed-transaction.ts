// oxlint-disable-next-line no-restricted-imports -- a command to be sent, not a connection
import { Command, type Redis } from 'ioredis'
import { encodeCommands } from '../encode.ts'
import { isReply, MisfitError } from '../replies.ts'

/** Told that the bytes were written: those of a transaction go out in one piece, ahead of its places in the queue. */
const WRITTEN_ALREADY = { isPipeline: true, write: () => true }

/**
 * MULTI, commands and EXEC as one write, and one object for all of their replies. The client's own pipeline has an object,
 * a promise and a timer for each command, which took most of the time and of the memory of a large send
 * (`npm run bench -- --only g --targets redis`).
 */
class PackedTransaction extends Command {
  readonly replies: Promise<readonly unknown[]>
  readonly #count: number
  #received = 0
  #fits = true
  #refusal: Error | null = null

  constructor(count: number) {
    super('exec', [])
    this.#count = count
    // Tracing would wrap each place in the queue.
    this.isTraced = true
    const { promise, resolve, reject } = Promise.withResolvers<readonly unknown[]>()
    this.replies = promise
    const settle = this.resolve
    const end = (finish: () => void): void => {
      settle(null)
      finish()
    }
    this.resolve = (reply: unknown) => {
      this.#received += 1
      if (this.#received < this.places) this.#fits &&= String(reply) === (this.#received === 1 ? 'OK' : 'QUEUED')
      else end(() => (this.#isWhole(reply) ? resolve(reply) : reject(this.#refusal ?? new MisfitError())))
    }
    this.reject = (error: Error) => {
      this.#received += 1
      if (isReply(error)) this.#refusal ??= error
      // Whatever comes from the connection ends it; of replies, EXEC's does, which gives the reason found before.
      if (!isReply(error) || this.#received >= this.places) end(() => reject(this.#refusal ?? error))
    }
  }

  /** Replies that come: MULTI's, one for each command, EXEC's. */
  get places(): number {
    return this.#count + 2
  }

  override toWritable(): string {
    return ''
  }

  #isWhole(reply: unknown): reply is readonly unknown[] {
    return this.#fits && this.#refusal === null && Array.isArray(reply) && reply.length === this.#count
  }
}

/**
 * What EXEC answered for each command, errors included. Rejects with the reply that discarded the transaction, with
 * MisfitError, or with what happened to the connection.
 */
export function sendPacked(client: Redis, commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
  const transaction = new PackedTransaction(commands.length)
  const bytes = encodeCommands([['multi'], ...commands, ['exec']])
  const stream = { ...WRITTEN_ALREADY, destination: { redis: client } }
  const first = { ...stream, write: () => client.stream.write(bytes) }
  for (let place = 0; place < transaction.places; place++) {
    client.sendCommand(transaction, (place === 0 ? first : stream) as never)
  }
  return transaction.replies
}
