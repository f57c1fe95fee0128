import { contentBytes } from '../../model/event/bytes/content.ts'
import type { Content } from '../../model/event/bytes/content.ts'

const BLOCK_BYTES = 256 * 1024
/** Blocks that are kept for the next lines; those of a larger batch are not. */
const KEPT_BLOCKS = 4
/** Bytes from this length on are written from where they lie. */
const LONG_LINE = 1_024
/** UTF-8 of one UTF-16 unit. */
const MOST_BYTES_OF_A_UNIT = 3

/** Lines gathered in blocks that are written by one system call, and used again for the next ones; long ones are not copied. */
export class LineBlocks {
  #blocks: Buffer[] = []
  #filled: Buffer[] = []
  #block: Buffer = Buffer.alloc(0)
  #used = 0
  /** Where the part of the block begins that is being filled. */
  #from = 0
  #at = 0

  add(line: Content): void {
    const isText = typeof line === 'string'
    if (!isText && line.length >= LONG_LINE) {
      this.#endPart()
      this.#filled.push(contentBytes(line))
      this.#makeRoom(1)
      this.#block[this.#at++] = 10
      return
    }
    this.#makeRoom((isText ? line.length * MOST_BYTES_OF_A_UNIT : line.length) + 1)
    const block = this.#block
    if (isText) this.#at += block.write(line, this.#at)
    else this.#at += line.buffer.copy(block, this.#at, line.start, line.end)
    block[this.#at++] = 10
  }

  /** What was added since the last call, until lines are added again. */
  take(): Buffer[] {
    this.#endPart()
    const filled = this.#filled
    this.#filled = []
    this.#block = Buffer.alloc(0)
    this.#from = this.#at = 0
    this.#used = 0
    this.#blocks.length = Math.min(this.#blocks.length, KEPT_BLOCKS)
    return filled
  }

  #makeRoom(bytes: number): void {
    if (this.#block.length - this.#at >= bytes) return
    this.#endPart()
    this.#from = this.#at = 0
    if (bytes > BLOCK_BYTES) this.#block = Buffer.allocUnsafeSlow(bytes)
    else this.#block = this.#blocks[this.#used++] ??= Buffer.allocUnsafeSlow(BLOCK_BYTES)
  }

  #endPart(): void {
    if (this.#at > this.#from) this.#filled.push(this.#block.subarray(this.#from, this.#at))
    this.#from = this.#at
  }
}
