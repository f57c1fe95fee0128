import type { StreamGuard } from './guarded-stream.ts'
import { PartialLine } from './partial-line.ts'

/** No reply that BinGo reads comes near these. A single value cannot be larger on a Redis as it is installed. */
const MOST_REPLY_BYTES = 512 * 1024 * 1024
const MOST_ELEMENTS = 1_000_000
const MOST_DEPTH = 8
const MOST_LINE_BYTES = 64 * 1024
const TOO_LONG = `a line of more than ${MOST_LINE_BYTES} bytes`

const CR = 0x0d
const [SIMPLE, ERROR, INTEGER, BULK, ARRAY] = [0x2b, 0x2d, 0x3a, 0x24, 0x2a]

/**
 * Looks at the lengths in the bytes of a Redis server (RESP2) before the client does, which allocates what an array
 * claims to hold, and gathers lines and values for as long as they last (invariant 6).
 */
export class ReplyGuard implements StreamGuard {
  /** Elements that are still to come of each array around the present place. */
  readonly #open: number[] = []
  /** Bytes of a value, and of the end of a line, to be passed over. */
  #skip = 0
  #skipEndsValue = false
  readonly #line = new PartialLine()
  #replyBytes = 0
  #elements = 0

  /** Takes the next bytes; what is wrong with them, or null. */
  refusal(chunk: Buffer): string | null {
    for (let at = 0; at < chunk.length;) {
      const from = at
      let wrong: string | null = null
      if (this.#skip > 0) at += this.#pass(chunk.length - at)
      else {
        const end = chunk.indexOf(CR, at)
        at = end < 0 ? chunk.length : end
        if (end >= 0 && this.#line.length === 0) wrong = this.#lineEnded(chunk, from, end)
        else wrong = this.#gather(chunk.subarray(from, at), end >= 0)
      }
      this.#replyBytes += at - from
      if (this.#replyBytes > MOST_REPLY_BYTES) wrong = `a reply of more than ${MOST_REPLY_BYTES} bytes`
      if (wrong !== null) return wrong
    }
    return null
  }

  #pass(bytes: number): number {
    const passed = Math.min(this.#skip, bytes)
    this.#skip -= passed
    if (this.#skip === 0 && this.#skipEndsValue) this.#valueEnded()
    return passed
  }

  /** A line that began or ends in another chunk. */
  #gather(piece: Buffer, ends: boolean): string | null {
    if (this.#line.length + piece.length > MOST_LINE_BYTES) return TOO_LONG
    if (!ends) {
      this.#line.append(piece)
      return null
    }
    const line = this.#line.complete(piece)
    return this.#lineEnded(line, 0, line.length)
  }

  #lineEnded(bytes: Buffer, start: number, end: number): string | null {
    if (end - start > MOST_LINE_BYTES) return TOO_LONG
    const type = bytes[start]
    // CR and LF.
    this.#skip = 2
    this.#skipEndsValue = true
    if (type === INTEGER || type === SIMPLE || type === ERROR) return null
    if (type !== BULK && type !== ARRAY) return 'bytes that are not a valid reply'
    const text = bytes.toString('latin1', start + 1, end)
    if (!/^(-1|\d{1,15})$/.test(text)) return 'a length that is not a number'
    const length = Number(text)
    if (length === -1) return null
    return type === BULK ? this.#bulk(length) : this.#array(length)
  }

  #bulk(length: number): string | null {
    if (length > MOST_REPLY_BYTES) return `a value of ${length} bytes`
    this.#skip += length + 2
    return null
  }

  #array(count: number): string | null {
    this.#elements += count
    if (this.#elements > MOST_ELEMENTS) return `a reply of ${this.#elements} elements`
    if (this.#open.length >= MOST_DEPTH) return `a reply of more than ${MOST_DEPTH} levels`
    if (count === 0) return null
    this.#open.push(count)
    this.#skipEndsValue = false
    return null
  }

  #valueEnded(): void {
    for (let last = this.#open.length - 1; last >= 0; last--) {
      if (--this.#open[last]! > 0) return
      this.#open.pop()
    }
    this.#replyBytes = 0
    this.#elements = 0
  }
}
