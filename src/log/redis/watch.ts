import type { Clock } from '../../model/clock.ts'
import type { EventRedis } from './connection.ts'

/** Of one question to the server. */
const WAIT_MS = 2_000
const RETRY_MS = 250
/** Many posts wake readers once; and what this instance posts is answered, and handed out, in about this time. */
const PAUSE_MS = 2

export interface WatchDeps {
  readonly redis: EventRedis
  readonly clock: Clock
  readonly closed: () => boolean
  /** A post of this instance waits for its answer. */
  readonly isPosting: () => boolean
  /** Up to which place everybody who reads has looked. */
  readonly lookedAt: () => number
  readonly changed: () => void
}

/** Tells when anybody has appended to the log what is not known here: other instances above all. */
export class Watch {
  readonly #deps: WatchDeps
  #isRunning = false

  constructor(deps: WatchDeps) {
    this.#deps = deps
  }

  start(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    const { redis, clock, closed, isPosting, lookedAt, changed } = this.#deps
    let last = 0
    while (!closed()) {
      try {
        last = Math.max(last, lookedAt())
        const found = await redis.entryBehind(last, WAIT_MS)
        if (found === null) continue
        if (isPosting()) await clock.sleep(PAUSE_MS)
        if (lookedAt() >= found) continue
        // Before readers are told: they would not be told of what is appended in between.
        last = (await redis.lastPlace()) ?? found
        changed()
        await clock.sleep(PAUSE_MS)
      } catch {
        // Readers find out what it is, and say it; and they look by themselves now and then.
        if (closed()) return
        changed()
        await clock.sleep(RETRY_MS)
      }
    }
  }
}
