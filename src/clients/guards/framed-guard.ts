import type { StreamGuard } from './guarded-stream.ts'

/**
 * For protocols in which a header of fixed length says how many bytes follow it. Clients would wait for, and gather,
 * whatever it says.
 */
export class FramedGuard implements StreamGuard {
  readonly #header: Buffer
  readonly #follows: (header: Buffer) => number | string
  #headerBytes = 0
  /** Bytes behind the header that are still to come. */
  #left = 0

  /** `follows` answers how many bytes come behind a header, or what is wrong with it. */
  constructor(headerBytes: number, follows: (header: Buffer) => number | string) {
    this.#header = Buffer.alloc(headerBytes)
    this.#follows = follows
  }

  refusal(chunk: Buffer): string | null {
    for (let at = 0; at < chunk.length;) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, chunk.length - at)
        this.#left -= passed
        at += passed
        continue
      }
      this.#header[this.#headerBytes++] = chunk[at++]!
      if (this.#headerBytes < this.#header.length) continue
      this.#headerBytes = 0
      const follows = this.#follows(this.#header)
      if (typeof follows === 'string') return follows
      this.#left = follows
    }
    return null
  }
}
