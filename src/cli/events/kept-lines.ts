import { ByteArena } from '../../model/event/bytes/byte-arena.ts'

const BUFFER_BYTES = 256 * 1024
const UTF8_BYTES_OF_A_UNIT = 3

/** Lines of one block of rows, or of a statement, that follow one another in one buffer. */
interface Run {
  readonly seq: number
  readonly buffer: Buffer
  readonly start: number
  end: number
  lines: number
}

/** Lines that are kept until they may be printed, as bytes in buffers that are used again when they were. */
export class KeptLines {
  /** Where the next line is written. */
  readonly arena: ByteArena
  count = 0
  bytes = 0
  #runs: Run[] = []
  /** Runs that are in a buffer and were not printed yet. */
  readonly #held = new Map<Buffer, number>()

  /** `most`: bytes that are kept as a rule. Buffers of that size are reused; larger ones are garbage. */
  constructor(most: number) {
    this.arena = new ByteArena(BUFFER_BYTES, BUFFER_BYTES, Math.ceil(most / BUFFER_BYTES) + 1)
  }

  /** A line that was written to the arena, up to `end`, with room behind it. `seq`: of the first row of its block. */
  add(seq: number, end: number): void {
    const { arena } = this
    const { buffer, at } = arena
    buffer[end] = 10
    arena.at = end + 1
    this.count += 1
    this.bytes += arena.at - at
    const last = this.#runs.at(-1)
    if (last !== undefined && last.seq === seq && last.buffer === buffer && last.end === at) {
      last.end = arena.at
      last.lines += 1
      return
    }
    this.#runs.push({ seq, buffer, start: at, end: arena.at, lines: 1 })
    this.#held.set(buffer, (this.#held.get(buffer) ?? 0) + 1)
  }

  addText(seq: number, line: string): void {
    const { arena } = this
    const at = arena.reserve(arena.at, line.length * UTF8_BYTES_OF_A_UNIT + 1)
    this.add(seq, at + arena.buffer.write(line, at))
  }

  /** Drops those of blocks that begin at `seq` or behind it. */
  dropFrom(seq: number): void {
    const dropped = this.#runs.filter((run) => run.seq >= seq)
    this.#runs = this.#runs.filter((run) => run.seq < seq)
    for (const { lines, start, end } of dropped) {
      this.count -= lines
      this.bytes -= end - start
    }
    this.#release(dropped)
  }

  /** All lines, for the output; `written` is to be called when it does not need them any more. */
  take(): { readonly buffers: readonly Buffer[]; readonly written: () => void } {
    const runs = this.#runs
    this.#runs = []
    this.count = 0
    this.bytes = 0
    return {
      buffers: runs.map(({ buffer, start, end }) => buffer.subarray(start, end)),
      written: () => this.#release(runs),
    }
  }

  #release(runs: readonly Run[]): void {
    for (const { buffer } of runs) {
      const held = this.#held.get(buffer)! - 1
      if (held > 0) {
        this.#held.set(buffer, held)
        continue
      }
      this.#held.delete(buffer)
      if (buffer !== this.arena.buffer) this.arena.reuse(buffer)
    }
  }
}
