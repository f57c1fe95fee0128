/** The start of a line whose end has not come yet. Grows by doubling: a line may come byte by byte. */
export class PartialLine {
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Copies the bytes: their memory may be used for others. */
  append(piece: Buffer): void {
    const length = this.#length + piece.length
    if (length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(length, 2 * this.#buffer.length))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    piece.copy(this.#buffer, this.#length)
    this.#length = length
  }

  /** The whole line, of which these are the last bytes; the next one begins empty. Good until then. */
  complete(last: Buffer): Buffer {
    if (this.#length === 0) return last
    this.append(last)
    const line = this.#buffer.subarray(0, this.#length)
    this.#buffer = Buffer.alloc(0)
    this.#length = 0
    return line
  }
}
