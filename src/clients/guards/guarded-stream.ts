import type { Readable } from 'node:stream'
import { hearLateErrors } from './late-errors.ts'

/** Looks at the bytes of a server before its client does. */
export interface StreamGuard {
  /** Takes the next bytes; what is wrong with them, or null. */
  refusal(chunk: Buffer): string | null
}

/** A server sent what no server of its kind sends: the connection is of no use. */
export class RefusedBytesError extends Error {
  override readonly name = 'RefusedBytesError'
  /** As Node.js names what is no message of the protocol. */
  readonly code = 'EBADMSG'

  constructor(what: string) {
    super(`it sent ${what}`)
  }
}

/**
 * Puts a guard in front of a socket, before its first byte: a chunk that it refuses closes the socket, and nobody sees
 * it. Clients that trust the lengths that a server sends are kept from memory without end that way (invariant 6).
 */
export function guardStream<S extends Readable>(stream: S, guard: StreamGuard): S {
  const push = stream.push.bind(stream)
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    const wrong = Buffer.isBuffer(chunk) ? guard.refusal(chunk) : null
    if (wrong === null) return push(chunk, encoding)
    stream.destroy(new RefusedBytesError(wrong))
    return false
  }
  return hearLateErrors(stream)
}
