import { FramedGuard } from './framed-guard.ts'

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
export class FrameGuard extends FramedGuard {
  #bodyBytes = 0

  constructor() {
    super(HEADER_BYTES, (header) => this.#frame(header[0]!, header.readUInt32BE(3)))
  }

  /** Bytes of payload and end mark. */
  #frame(type: number, size: number): number | string {
    if (size > MOST_FRAME_BYTES) return `a frame of ${size} bytes`
    if (type === METHOD) this.#bodyBytes = 0
    else if (type === BODY) this.#bodyBytes += size
    return this.#bodyBytes > MOST_BODY_BYTES ? `a message of more than ${MOST_BODY_BYTES} bytes` : size + 1
  }
}
