import type { Hold } from '../model/delivery/in-flight-job.ts'
import type { WaitingSeq } from '../model/delivery/waiting.ts'

/** The record leaves the store when the last job made of it has ended. */
export class RecordHold implements Hold {
  readonly seq: WaitingSeq
  private uses: number
  private readonly remove: (seq: WaitingSeq) => void

  constructor(seq: WaitingSeq, uses: number, remove: (seq: WaitingSeq) => void) {
    this.seq = seq
    this.uses = uses
    this.remove = remove
  }

  release(): void {
    this.uses -= 1
    if (this.uses === 0) this.remove(this.seq)
  }
}
