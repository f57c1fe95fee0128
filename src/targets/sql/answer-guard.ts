import type { Duplex } from 'node:stream'
import { guardStream } from '../../clients/guards/guarded-stream.ts'
import type { StreamGuard } from '../../clients/guards/guarded-stream.ts'

/** Statements that write are answered with a few bytes; rows that one may bring are gathered and thrown away. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024

/** Counts what comes between two statements of a connection. */
class AnswerGuard implements StreamGuard {
  #bytes = 0

  asked(): void {
    this.#bytes = 0
  }

  refusal(chunk: Buffer): string | null {
    this.#bytes += chunk.length
    return this.#bytes > MOST_ANSWER_BYTES ? `an answer of more than ${MOST_ANSWER_BYTES} bytes` : null
  }
}

/** mysql2's connection, of which its declarations leave the stream out. */
interface WithStream {
  readonly stream: Duplex
}

/** The guards of a pool's connections. */
export class AnswerGuards {
  readonly #guards = new WeakMap<object, AnswerGuard>()

  /** A connection that has just been made; with TLS its stream is the encrypted one by then. */
  add(connection: object): void {
    const guard = new AnswerGuard()
    this.#guards.set(connection, guard)
    guardStream((connection as WithStream).stream, guard)
  }

  /** A statement goes out on the connection. */
  asked(connection: object): void {
    this.#guards.get(connection)?.asked()
  }
}
