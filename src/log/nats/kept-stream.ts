import { natsRefusal } from '../../clients/nats-errors.ts'
import { BingoError } from '../../model/errors.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { engineRefused, engineUnreachable, logClosed, logFull } from '../errors.ts'
import type { NatsAddress } from './address.ts'
import { closeStream, openStream, type StreamConnection } from './connection.ts'

/** Of one answer; longer than a server takes to elect another leader. */
export const ANSWER_MS = 10_000
const REFUSALS = {
  login: 'Check user, password, token or key of `events.store`.',
  right: 'Grant the user publish to $JS.API.> and to the subjects of the stream, and subscribe to _INBOX.>.',
} as const
const HINT =
  'Check that the NATS server is up, reachable and has JetStream, and user, password and permissions, with a client certificate where it asks for one.'

/** What an error of the client means for who uses the log. */
export function natsError(log: string, error: unknown): BingoError {
  const refusal = natsRefusal(error)
  if (refusal !== null) return engineRefused(log, (error as Error).message, REFUSALS[refusal], error)
  return engineUnreachable(log, error, HINT)
}

/** Keeps a connection to a stream until something goes wrong: then it opens another one for the next piece of work. */
export class KeptStream {
  readonly #address: NatsAddress
  /** What the caller knows better: the error that it is, or null. */
  readonly #known: (error: unknown) => Error | null
  #connection: Promise<StreamConnection> | null = null
  #closed = false

  constructor(address: NatsAddress, known: (error: unknown) => Error | null = () => null) {
    this.#address = address
    this.#known = known
  }

  /** Rejects with a BingoError; with BINGO_LOG_CLOSED once it is closed. */
  async use<T>(work: (connection: StreamConnection) => Promise<T>): Promise<T> {
    const { printable } = this.#address
    if (this.#closed) throw logClosed(printable)
    try {
      return await withDeadline(this.#connected().then(work), ANSWER_MS * 2)
    } catch (error) {
      if (error instanceof BingoError) throw error
      const known = this.#known(error)
      if (known !== null) throw known
      await this.#discard()
      if (this.#closed) throw logClosed(printable)
      if (error instanceof Error && /maximum (bytes|messages)|insufficient (storage|resources)/i.test(error.message)) {
        throw logFull(printable)
      }
      throw natsError(printable, error)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#discard()
  }

  async #connected(): Promise<StreamConnection> {
    const known = await this.#connection?.catch(() => null)
    if (known !== undefined && known !== null && !known.client.isClosed()) return known
    this.#connection = openStream(this.#address)
    return this.#connection
  }

  async #discard(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    await connection?.then(closeStream, () => undefined)
  }
}
