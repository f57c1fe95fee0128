import type { Clock } from '../model/clock.ts'
import type { Stats } from '../model/stats.ts'

/** Dead letters this long ago are no news. */
const NEWS_MS = 600_000

interface Seen {
  ended: number
  sinceMs: number
}

/** Notices what plain counters do not tell at one look: targets that finish nothing, and dead letters that grow. */
export class DeliveryWatch {
  private readonly stats: Stats
  private readonly clock: Clock
  private readonly targets = new Map<string, Seen>()
  private letters = 0
  private lettersBefore = 0
  private grewAtMs = -Infinity

  constructor(stats: Stats, clock: Clock) {
    this.stats = stats
    this.clock = clock
  }

  sample(): void {
    const now = this.clock.monotonicMs()
    for (const [id, { queued, isShut, ended }] of this.stats.targets) {
      const seen = this.targets.get(id)
      // What is down or paused says so itself; what has nothing to do stands still rightly.
      if (seen === undefined || queued === 0 || isShut || seen.ended !== ended) {
        this.targets.set(id, { ended, sinceMs: now })
      }
    }
    let letters = 0
    for (const { deadLettersTotal } of this.stats.rules.values()) letters += deadLettersTotal
    if (letters > this.letters) {
      if (now - this.grewAtMs > NEWS_MS) this.lettersBefore = this.letters
      this.grewAtMs = now
      this.letters = letters
    }
  }

  /** How long a target that is up has had actions waiting and finished none. */
  stalledMs(target: string): number {
    const seen = this.targets.get(target)
    return seen === undefined ? 0 : this.clock.monotonicMs() - seen.sinceMs
  }

  /** Nothing is left in the dead letters: what came lately was dealt with. */
  lettersGone(): void {
    this.grewAtMs = -Infinity
  }

  /** Entries written in a burst that is not over for ten minutes. */
  freshLetters(): number {
    return this.clock.monotonicMs() - this.grewAtMs > NEWS_MS ? 0 : this.letters - this.lettersBefore
  }
}
