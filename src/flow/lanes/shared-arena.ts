import { ByteArena } from '../../model/event/bytes/byte-arena.ts'

/** A buffer of an arena, and how many still need what was written to it. */
interface Lent {
  readonly buffer: Buffer
  holders: number
}

const LARGEST_BYTES = 64 * 1024
const SMALLEST_BYTES = 4 * 1024
/** Enough for what a target has queued (flow/brief-pause.ts). */
const MOST_SPARE = 64

/** An arena whose buffers are written to again once all who hold them have let go. */
export class SharedArena {
  readonly arena = new ByteArena(SMALLEST_BYTES, LARGEST_BYTES, MOST_SPARE)
  private lent: Lent = { buffer: this.arena.buffer, holders: 0 }

  /** The buffer that is being written to stays as it is until the answer is called. */
  hold(): () => void {
    const { arena } = this
    if (this.lent.buffer !== arena.buffer) {
      const before = this.lent
      this.lent = { buffer: arena.buffer, holders: 0 }
      if (before.holders === 0) arena.reuse(before.buffer)
    }
    const { lent } = this
    lent.holders += 1
    return () => {
      lent.holders -= 1
      if (lent.holders === 0 && lent !== this.lent) arena.reuse(lent.buffer)
    }
  }
}
