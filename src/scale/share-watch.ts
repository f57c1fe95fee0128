import type { Clock } from '../model/clock.ts'
import type { ChangeLog } from '../model/state/change-log.ts'

export interface ShareWatchOptions {
  readonly share: number
  readonly changes: ChangeLog
  readonly clock: Clock
  /** Told once a second how many records of the share are not finished. */
  readonly seen?: ((behind: number) => void) | undefined
}

const WATCH_MS = 1_000
/** A reader that comes back looks at the newest records: what is finished stays for a while. */
const KEPT_MS = 60_000

/** Looks after a share while it is read: says how far behind it is, and trims what was finished a while ago. */
export class ShareWatch {
  readonly #options: ShareWatchOptions
  /** Up to where everything is finished; null: nothing is. */
  #done: string | null = null
  /** Oldest first: places that were finished at a time. */
  #finishedAt: { readonly place: string; readonly atMs: number }[] = []
  #isLooking = false

  constructor(options: ShareWatchOptions) {
    this.#options = options
  }

  start(done: string | null): Disposable {
    this.#done = done
    const looking = this.#options.clock.every(WATCH_MS, () => void this.#look())
    return { [Symbol.dispose]: () => looking.cancel() }
  }

  /** Nothing is to be done up to this place. It is not remembered, so nothing is trimmed for it. */
  passed(place: string): void {
    this.#done = place
  }

  finished(place: string): void {
    this.#done = place
    this.#finishedAt.push({ place, atMs: this.#options.clock.monotonicMs() })
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    const { changes, share, clock, seen } = this.#options
    try {
      seen?.(await changes.behind(share, this.#done))
      const before = clock.monotonicMs() - KEPT_MS
      const upTo = this.#finishedAt.findLast(({ atMs }) => atMs <= before)
      if (upTo === undefined) return
      await changes.trim(share, upTo.place)
      this.#finishedAt = this.#finishedAt.filter(({ atMs }) => atMs > before)
    } catch {
      // Whoever reads says that the log is down.
    } finally {
      this.#isLooking = false
    }
  }
}
