import type { StreamGuard } from '../../../clients/guarded-stream.ts'

/** Brokers agree on 128 KiB at most unless they are told otherwise, and this client offers less. */
const MOST_FRAME_BYTES = 1024 * 1024
/** A returned message is one of ours; no broker takes a larger one. */
const MOST_BODY_BYTES = 512 * 1024 * 1024
const HEADER_BYTES = 7
const METHOD = 1
const BODY = 3

/**
 * AMQP frames: type u8 | channel u16 | size u32, big-endian | payload | end mark u8. The client would wait for whatever
 * the size says, and ends the process beyond 1 GiB, which no read of a socket can have.
 */
export class FrameGuard implements StreamGuard {
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  /** Bytes of payload and end mark that are still to come. */
  #left = 0
  #bodyBytes = 0

  refusal(chunk: Buffer): string | null {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, chunk.length - at)
        this.#left -= passed
        at += passed
        continue
      }
      this.#header[this.#headerBytes++] = chunk[at++]!
      if (this.#headerBytes < HEADER_BYTES) continue
      this.#headerBytes = 0
      const wrong = this.#frame(this.#header[0]!, this.#header.readUInt32BE(3))
      if (wrong !== null) return wrong
    }
    return null
  }

  #frame(type: number, size: number): string | null {
    if (size > MOST_FRAME_BYTES) return `a frame of ${size} bytes`
    this.#left = size + 1
    if (type === METHOD) this.#bodyBytes = 0
    else if (type === BODY) this.#bodyBytes += size
    return this.#bodyBytes > MOST_BODY_BYTES ? `a message of more than ${MOST_BODY_BYTES} bytes` : null
  }
}
