import type { StreamGuard } from '../guards/guarded-stream.ts'
import { PartialLine } from '../guards/partial-line.ts'

/** An INFO line names every server of a cluster; all other lines are short. */
const MOST_LINE_BYTES = 1024 * 1024
/** Publishers get acknowledgements; the server's own limit (max_payload) is 64 MiB at most. */
const MOST_MESSAGE_BYTES = 64 * 1024 * 1024
const LF = 0x0a

/**
 * What a NATS server sends after the handshake: lines, and behind `MSG … SIZE` and `HMSG … SIZE` as many bytes and CR LF.
 * The client would gather lines and messages of any length.
 */
export class MessageGuard implements StreamGuard {
  /** Bytes of the message at hand that are still to come. */
  #left = 0
  readonly #line = new PartialLine()

  refusal(chunk: Buffer): string | null {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, chunk.length - at)
        this.#left -= passed
        at += passed
        continue
      }
      const end = chunk.indexOf(LF, at)
      const piece = chunk.subarray(at, end < 0 ? chunk.length : end)
      at = end < 0 ? chunk.length : end + 1
      if (this.#line.length + piece.length > MOST_LINE_BYTES) return `a line of more than ${MOST_LINE_BYTES} bytes`
      let wrong: string | null = null
      if (end < 0) this.#line.append(piece)
      else wrong = this.#lineEnded(this.#line.complete(piece))
      if (wrong !== null) return wrong
    }
    return null
  }

  #lineEnded(line: Buffer): string | null {
    const text = line.toString('latin1')
    if (!/^h?msg[ \t]/i.test(text)) return null
    const size = Number(/[ \t](\d{1,15})\r?$/.exec(text)?.[1] ?? Number.NaN)
    if (!(size <= MOST_MESSAGE_BYTES)) return `a message of ${size} bytes`
    this.#left = size + 2
    return null
  }
}
