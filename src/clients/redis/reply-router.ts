import type { Readable } from 'node:stream'
import { RefusedBytesError } from '../guards/guarded-stream.ts'
import { hearLateErrors } from '../guards/late-errors.ts'
import { ReplyGuard, type ValueListener } from '../guards/reply-guard.ts'

/** Replies that are looked at where they come in, instead of being made objects of. */
export interface CountedReplies extends ValueListener {
  /** One of them ended. Null: more are to come; else the one reply that the client's parser is given for all of them. */
  replyEnded(): Buffer | null
}

/** Whose replies come next; null: of a command of the client's own. Asked when all before it have been handed over. */
export type NextReplies = () => CountedReplies | null

type Parser = (chunk: Buffer) => void

const ROUTERS = new WeakMap<Readable, ReplyRouter>()

/**
 * Stands between a socket and the client's parser: checks lengths, and takes the replies out that are counted. Replies
 * carry no number, so it goes by the client's own queue of commands.
 */
export class ReplyRouter {
  readonly #stream: Readable
  readonly #guard = new ReplyGuard()
  #parser: Parser = () => undefined
  #next: NextReplies | null = null
  #counted: CountedReplies | null = null

  /** Has to be told before the first byte comes. */
  static putBefore<S extends Readable>(stream: S): S {
    const router = new ReplyRouter(stream)
    ROUTERS.set(stream, router)
    // The client puts its parser ahead of all other listeners.
    const prepend = stream.prependListener.bind(stream)
    stream.prependListener = (event: string | symbol, listener: (...values: never[]) => void): S => {
      if (event !== 'data') return prepend(event, listener as () => void)
      router.#parser = listener as Parser
      return prepend('data', (chunk: Buffer) => router.#take(chunk))
    }
    return hearLateErrors(stream)
  }

  static of(stream: Readable): ReplyRouter | undefined {
    return ROUTERS.get(stream)
  }

  private constructor(stream: Readable) {
    this.#stream = stream
  }

  /** From now on some replies are counted. */
  count(next: NextReplies): void {
    this.#next = next
  }

  #take(chunk: Buffer): void {
    /** Where the bytes begin that the parser has not got. */
    let from = 0
    for (let at = 0; at < chunk.length;) {
      if (!this.#guard.isInside && this.#next !== null && this.#counted === null) {
        this.#hand(chunk, from, at)
        from = at
        this.#counted = this.#next()
        this.#guard.listener = this.#counted
      }
      at = this.#guard.read(chunk, at)
      if (this.#guard.wrong !== null) {
        this.#stream.destroy(new RefusedBytesError(this.#guard.wrong))
        return
      }
      if (this.#counted === null) continue
      from = at
      if (!this.#guard.isInside) this.#replyEnded(this.#counted)
    }
    this.#hand(chunk, from, chunk.length)
  }

  #replyEnded(counted: CountedReplies): void {
    const reply = counted.replyEnded()
    if (reply === null) return
    this.#counted = null
    this.#guard.listener = null
    this.#parser(reply)
  }

  #hand(chunk: Buffer, from: number, to: number): void {
    if (to > from) this.#parser(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to))
  }
}
