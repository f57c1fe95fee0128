import type { Content } from '../../model/event/bytes/content.ts'

const BLOCK_BYTES = 256 * 1024
/** Blocks that are kept for the next lines; those of a larger batch are not. */
const KEPT_BLOCKS = 4
/** UTF-8 of one UTF-16 unit. */
const MOST_BYTES_OF_A_UNIT = 3

/** Lines gathered in blocks that are written by one system call, and used again for the next ones. */
export class LineBlocks {
  #blocks: Buffer[] = []
  #filled: Buffer[] = []
  #block: Buffer = Buffer.alloc(0)
  #used = 0
  #at = 0

  add(line: Content): void {
    const isText = typeof line === 'string'
    this.#makeRoom((isText ? line.length * MOST_BYTES_OF_A_UNIT : line.length) + 1)
    const block = this.#block
    if (isText) this.#at += block.write(line, this.#at)
    else this.#at += line.buffer.copy(block, this.#at, line.start, line.end)
    block[this.#at++] = 10
  }

  /** What was added since the last call, until lines are added again. */
  take(): Buffer[] {
    this.#endBlock()
    const filled = this.#filled
    this.#filled = []
    this.#block = Buffer.alloc(0)
    this.#used = 0
    this.#blocks.length = Math.min(this.#blocks.length, KEPT_BLOCKS)
    return filled
  }

  #makeRoom(bytes: number): void {
    if (this.#block.length - this.#at >= bytes) return
    this.#endBlock()
    if (bytes > BLOCK_BYTES) this.#block = Buffer.allocUnsafeSlow(bytes)
    else this.#block = this.#blocks[this.#used++] ??= Buffer.allocUnsafeSlow(BLOCK_BYTES)
  }

  #endBlock(): void {
    if (this.#at > 0) this.#filled.push(this.#block.subarray(0, this.#at))
    this.#at = 0
  }
}
