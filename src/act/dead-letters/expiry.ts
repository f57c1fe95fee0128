import type { DeadLetterStore } from '../../core/dead-letter.ts'

/** Looking for old entries costs a page of them: not for every entry that is added. */
const LOOK_EVERY_MS = 1_000

/** Removes entries beyond `deadLetters.maxAge`, oldest first, when new ones come. */
export class Expiry {
  private readonly store: DeadLetterStore
  private readonly maxAgeMs: number
  private readonly now: () => number
  private lookedAt = -Infinity

  constructor(store: DeadLetterStore, maxAgeMs: number, now: () => number) {
    this.store = store
    this.maxAgeMs = maxAgeMs
    this.now = now
  }

  async run(): Promise<void> {
    const now = this.now()
    if (this.maxAgeMs === Infinity || Math.abs(now - this.lookedAt) < LOOK_EVERY_MS) return
    this.lookedAt = now
    const old: string[] = []
    for await (const letter of this.store.list({})) {
      if (letter.createdAt >= now - this.maxAgeMs) break
      old.push(letter.id)
    }
    if (old.length > 0) await this.store.remove(old)
  }
}
