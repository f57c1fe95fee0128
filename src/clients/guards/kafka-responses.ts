import { FramedGuard } from './framed-guard.ts'
import type { StreamGuard } from './guarded-stream.ts'

/** A producer is answered with a few kB; the metadata of a topic with very many partitions has some hundred. */
const MOST_RESPONSE_BYTES = 16 * 1024 * 1024
const LENGTH_BYTES = 4
/** Of its correlation id. */
const LEAST_RESPONSE_BYTES = 4

/** Responses are a length (i32, big-endian) and as many bytes; the client would gather whatever the length says. */
export class ResponseGuard implements StreamGuard {
  readonly #responses = new FramedGuard(LENGTH_BYTES, (header) => {
    const bytes = header.readInt32BE()
    return bytes < LEAST_RESPONSE_BYTES || bytes > MOST_RESPONSE_BYTES ? `a response of ${bytes} bytes` : bytes
  })
  #mayBeAlert: boolean

  /** `encrypted`: with TLS. Without it a broker that wants it answers with an alert, of which the client makes its error. */
  constructor(encrypted: boolean) {
    this.#mayBeAlert = !encrypted
  }

  refusal(chunk: Buffer): string | null {
    const isAlert = this.#mayBeAlert && isTlsRecord(chunk)
    this.#mayBeAlert = false
    return isAlert ? null : this.#responses.refusal(chunk)
  }
}

/** By what the client tells that a broker wants TLS, when a connection begins with it; it closes the connection then. */
function isTlsRecord(chunk: Buffer): boolean {
  const [type = 0, major = 0, minor = 0] = chunk
  return chunk.length >= 3 && type >= 0x14 && type <= 0x17 && major === 3 && minor <= 4
}
