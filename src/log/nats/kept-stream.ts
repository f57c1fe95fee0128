import { natsRefusal } from '../../clients/nats/errors.ts'
import { BingoError } from '../../model/errors.ts'
import { engineRefused, engineUnreachable, logFull } from '../errors.ts'
import { Kept } from '../kept.ts'
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
  readonly #printable: string
  readonly #connection: Kept<StreamConnection>
  /** What the caller knows better: the error that it is, or null. */
  readonly #known: (error: unknown) => Error | null

  constructor(address: NatsAddress, known: (error: unknown) => Error | null = () => null) {
    this.#printable = address.printable
    this.#known = known
    this.#connection = new Kept({
      description: this.#printable,
      open: () => openStream(address),
      close: closeStream,
      timeoutMs: ANSWER_MS * 2,
      isOpen: ({ client }) => !client.isClosed(),
      survives: (error) => error instanceof BingoError || known(error) !== null,
    })
  }

  /** Rejects with a BingoError. */
  async use<T>(work: (connection: StreamConnection) => Promise<T>): Promise<T> {
    try {
      return await this.#connection.use(work)
    } catch (error) {
      if (error instanceof BingoError) throw error
      const known = this.#known(error)
      if (known !== null) throw known
      if (error instanceof Error && /maximum (bytes|messages)|insufficient (storage|resources)/i.test(error.message)) {
        throw logFull(this.#printable)
      }
      throw natsError(this.#printable, error)
    }
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}
