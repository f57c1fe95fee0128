import type { Content, Utf8Bytes } from '../../model/event/bytes/content.ts'

const FIRST_BYTES = 64 * 1024
/** What is larger is given back to the system after its send. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024
/** Of a line in front of a value: its type, its digits, CR and LF. */
const HEAD_BYTES = 16
/** Up to this length characters are faster to copy than the runtime is to call. */
const SHORT = 40
/** A UTF-16 code unit has at most three bytes in UTF-8. */
const MOST_BYTES_PER_UNIT = 3

const CRLF = '\r\n'
/** In front of keys of usual lengths; longer ones are put together when they come. */
const BULK_HEADS = Array.from({ length: 512 }, (_, length) => `$${length}${CRLF}`)
const [CR, LF, ARRAY, BULK, ZERO] = [0x0d, 0x0a, 0x2a, 0x24, 0x30]

/**
 * Writes commands in RESP (redis.io/docs, "protocol spec") into one buffer, and no objects: time and memory per command
 * limit what is sent (`npm run bench -- --only g --targets redis`, test/bench/redis-unlink.ts).
 */
export class CommandWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = 0

  /** A command of its name and `count` arguments, which follow. */
  begin(name: string, count: number): void {
    this.#reserve(HEAD_BYTES)
    this.#head(ARRAY, count + 1)
    this.text(name)
  }

  command(name: string, args: readonly Content[]): void {
    this.begin(name, args.length)
    for (const arg of args) {
      if (typeof arg === 'string') this.text(arg)
      else this.#copy(arg)
    }
  }

  /**
   * Keys come out of templates, and the runtime has not put their parts together yet: it does so for all of them at once,
   * where each would be a small copy of its own. A bulk invalidation is limited by this (test/bench/redis-unlink.ts).
   */
  removal(verb: string, keys: ReadonlySet<string>): void {
    let text = ''
    for (const key of keys) text += (BULK_HEADS[key.length] ?? `$${key.length}${CRLF}`) + key + CRLF
    this.begin(verb, keys.size)
    // The lengths are in characters, which are bytes as long as all of it is ASCII: the usual case.
    if (Buffer.byteLength(text) !== text.length) {
      for (const key of keys) this.text(key)
      return
    }
    this.#reserve(text.length)
    this.#at += this.#bytes.write(text, this.#at, 'latin1')
  }

  text(text: string): void {
    const { length } = text
    this.#reserve(HEAD_BYTES + MOST_BYTES_PER_UNIT * length + 2)
    const from = this.#at
    this.#head(BULK, length)
    const written = length <= SHORT ? this.#shortText(text) : this.#bytes.write(text, this.#at)
    if (written === length) {
      this.#at += length
    } else {
      // Not ASCII: the length in front of it is another one, and may have another number of digits.
      this.#at = from
      this.#head(BULK, Buffer.byteLength(text))
      this.#at += this.#bytes.write(text, this.#at)
    }
    this.#bytes[this.#at++] = CR
    this.#bytes[this.#at++] = LF
  }

  /** All that was written; they stay as they are until the next `begin`. */
  take(): Buffer {
    const bytes = this.#bytes.subarray(0, this.#at)
    this.#at = 0
    return bytes
  }

  /** Is ready for other commands: the bytes of the ones before have been sent. */
  reset(): void {
    this.#at = 0
    if (this.#bytes.length > MOST_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  }

  /** How many characters are ASCII before the first one that is not. */
  #shortText(text: string): number {
    const bytes = this.#bytes
    const at = this.#at
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return i
      bytes[at + i] = unit
    }
    return text.length
  }

  #copy(content: Utf8Bytes): void {
    const { length, buffer, start, end } = content
    this.#reserve(HEAD_BYTES + length + 2)
    this.#head(BULK, length)
    this.#at += buffer.copy(this.#bytes, this.#at, start, end)
    this.#bytes[this.#at++] = CR
    this.#bytes[this.#at++] = LF
  }

  #head(type: number, length: number): void {
    const bytes = this.#bytes
    let at = this.#at
    bytes[at++] = type
    if (length < 10) {
      bytes[at++] = ZERO + length
    } else if (length < 100) {
      const tens = Math.trunc(length / 10)
      bytes[at++] = ZERO + tens
      bytes[at++] = ZERO + length - 10 * tens
    } else {
      at += bytes.write(String(length), at, 'latin1')
    }
    bytes[at++] = CR
    bytes[at++] = LF
    this.#at = at
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#at + more, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
