import { Utf8Bytes } from './content.ts'

/** Of the first buffer; each is twice as large as the one before, up to the largest. */
const SMALLEST_BYTES = 4 * 1024
const LARGEST_BYTES = 64 * 1024
/** Buffers that wait to be used again. */
const MOST_SPARE = 8

/**
 * Where bytes are written one after the other: buffers of which each is given away in pieces and never used again, so
 * that it is free when the last of its pieces is. Pieces of one arena should therefore come to their ends together.
 *
 * `at` is where the piece that is being written begins; the writer keeps the place that it has come to by itself, and
 * reads `buffer` and `view` again after whatever may have made room.
 */
export class ByteArena {
  buffer: Buffer
  view: DataView
  at = 0
  #size: number
  readonly #largest: number
  readonly #mostSpare: number
  readonly #spare: Buffer[] = []

  constructor(smallest = SMALLEST_BYTES, largest = LARGEST_BYTES, mostSpare = MOST_SPARE) {
    this.#size = smallest
    this.#largest = largest
    this.#mostSpare = mostSpare
    this.buffer = Buffer.alloc(0)
    this.view = viewOf(this.buffer)
  }

  /**
   * Makes sure that `bytes` can be written behind `to`, the place that the piece has come to; answers that place, which
   * is another one where the piece had to move to a new buffer.
   */
  reserve(to: number, bytes: number): number {
    if (this.buffer.length - to >= bytes) return to
    const { buffer, at } = this
    const written = to - at
    this.buffer = this.#next(written + bytes)
    this.view = viewOf(this.buffer)
    if (written > 0) buffer.copy(this.buffer, 0, at, to)
    this.at = 0
    return written
  }

  /** Nobody needs what was written to this buffer any more: it may be written to again. */
  reuse(buffer: Buffer): void {
    if (buffer.length === this.#largest && this.#spare.length < this.#mostSpare) this.#spare.push(buffer)
  }

  #next(bytes: number): Buffer {
    const spare = bytes <= this.#largest ? this.#spare.pop() : undefined
    if (spare !== undefined) return spare
    const size = Math.max(this.#size, bytes)
    this.#size = Math.min(this.#size * 2, this.#largest)
    // Not of the pool that small buffers share: that would keep it as well.
    return Buffer.allocUnsafeSlow(size)
  }

  /** The piece ends at `to`. */
  take(to: number): Utf8Bytes {
    const piece = new Utf8Bytes(this.buffer, this.at, to)
    this.at = to
    return piece
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
