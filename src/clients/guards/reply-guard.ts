import { PartialLine } from './partial-line.ts'

/** No reply that BinGo reads comes near these. A single value cannot be larger on a Redis as it is installed. */
const MOST_REPLY_BYTES = 512 * 1024 * 1024
const MOST_ELEMENTS = 1_000_000
const MOST_DEPTH = 8
const MOST_LINE_BYTES = 64 * 1024
/** Ten to the power of 15 is far above every limit, and exact. */
const MOST_LENGTH_DIGITS = 15
const TOO_LONG = `a line of more than ${MOST_LINE_BYTES} bytes`

const CR = 0x0d
const ZERO = 0x30
const [SIMPLE, ERROR, INTEGER, BULK, ARRAY] = [0x2b, 0x2d, 0x3a, 0x24, 0x2a]

/** Is told of each value of a reply: its first line is `[start, end)` of the bytes, type first, line end left out. */
export interface ValueListener {
  value(bytes: Buffer, start: number, end: number, depth: number): void
}

/**
 * Finds where replies of a Redis server (RESP2) begin and end, however they are cut into chunks. It looks at the lengths
 * in them before the client does, which allocates what an array claims to hold, and gathers lines and values for as long
 * as they last (invariant 6). Makes no objects for values.
 */
export class ReplyGuard {
  /** What is wrong with the bytes; nothing is to be read after it. */
  wrong: string | null = null
  /** A reply has begun, and not ended. */
  isInside = false
  listener: ValueListener | null = null
  /** Elements that are still to come of each array around the present place. */
  readonly #open: number[] = []
  /** Bytes of a value, and of the end of a line, to be passed over. */
  #skip = 0
  #skipEndsValue = false
  readonly #line = new PartialLine()
  #replyBytes = 0
  #elements = 0

  /** Reads on from `at` to the end of a reply, or to the end of the chunk; answers the place behind it. */
  read(chunk: Buffer, at: number): number {
    this.isInside = true
    let from = at
    while (at < chunk.length) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at)
        this.#skip -= passed
        at += passed
        if (this.#skip > 0 || !this.#skipEndsValue || !this.#valueEnded()) continue
        return at
      }
      const start = at
      while (at < chunk.length && chunk[at] !== CR) at++
      this.#lineRead(chunk, start, at)
      this.#replyBytes += at - from
      from = at
      if (this.#replyBytes + this.#skip > MOST_REPLY_BYTES) {
        this.wrong ??= `a reply of more than ${MOST_REPLY_BYTES} bytes`
      }
      if (this.wrong !== null) return at
    }
    this.#replyBytes += at - from
    return at
  }

  /** `[start, end)` is a line or a part of one: the bytes of the next chunk may belong to it. */
  #lineRead(chunk: Buffer, start: number, end: number): void {
    if (this.#line.length + end - start > MOST_LINE_BYTES) {
      this.wrong = TOO_LONG
    } else if (end === chunk.length) {
      this.#line.append(chunk.subarray(start, end))
    } else if (this.#line.length === 0) {
      this.#lineEnded(chunk, start, end)
    } else {
      const line = this.#line.complete(chunk.subarray(start, end))
      this.#lineEnded(line, 0, line.length)
    }
  }

  #lineEnded(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start]
    // CR and LF.
    this.#skip = 2
    this.#skipEndsValue = true
    const depth = this.#open.length
    if (type === BULK || type === ARRAY) this.#lengthRead(type, lengthOf(bytes, start + 1, end))
    else if (type !== INTEGER && type !== SIMPLE && type !== ERROR) this.wrong = 'bytes that are not a valid reply'
    if (this.wrong === null) this.listener?.value(bytes, start, end, depth)
  }

  #lengthRead(type: number, length: number): void {
    if (Number.isNaN(length)) this.wrong = 'a length that is not a number'
    else if (length === -1) return
    else if (type === ARRAY) this.#array(length)
    else if (length > MOST_REPLY_BYTES) this.wrong = `a value of ${length} bytes`
    else this.#skip += length + 2
  }

  #array(count: number): void {
    this.#elements += count
    if (this.#elements > MOST_ELEMENTS) this.wrong = `a reply of ${this.#elements} elements`
    else if (this.#open.length >= MOST_DEPTH) this.wrong = `a reply of more than ${MOST_DEPTH} levels`
    else if (count > 0) {
      this.#open.push(count)
      this.#skipEndsValue = false
    }
  }

  /** Whether a reply ended with it. */
  #valueEnded(): boolean {
    for (let last = this.#open.length - 1; last >= 0; last--) {
      if (--this.#open[last]! > 0) return false
      this.#open.pop()
    }
    this.#replyBytes = 0
    this.#elements = 0
    this.isInside = false
    return true
  }
}

/** -1, or digits; NaN for anything else. */
function lengthOf(bytes: Buffer, start: number, end: number): number {
  if (end - start === 2 && bytes[start] === ERROR && bytes[start + 1] === ZERO + 1) return -1
  if (end === start || end - start > MOST_LENGTH_DIGITS) return Number.NaN
  let length = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - ZERO
    if (digit < 0 || digit > 9) return Number.NaN
    length = length * 10 + digit
  }
  return length
}
