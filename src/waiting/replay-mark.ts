/** Up to which commit time everything that was read is in the store as well: what is written ends in the order it began in. */
export class ReplayMark {
  private readonly readUpToMs: () => number
  private begunCount = 0
  private endedCount = 0
  private settledMs = -Infinity
  private next: { readonly readUpToMs: number; readonly begun: number } | null = null

  constructor(readUpToMs: () => number) {
    this.readUpToMs = readUpToMs
  }

  began(): void {
    this.begunCount += 1
  }

  ended(): void {
    this.endedCount += 1
  }

  upToMs(): number {
    this.settle()
    this.next ??= { readUpToMs: this.readUpToMs(), begun: this.begunCount }
    this.settle()
    return this.settledMs
  }

  private settle(): void {
    if (this.next === null || this.endedCount < this.next.begun) return
    this.settledMs = this.next.readUpToMs
    this.next = null
  }
}
