import type { Clock } from '../../model/clock.ts'
import type { EventRedis } from './connection.ts'

/** Of one question to the server. */
const WAIT_MS = 2_000
const RETRY_MS = 250
/** Many posts wake readers once. */
const PAUSE_MS = 2

export interface WatchDeps {
  readonly redis: EventRedis
  readonly clock: Clock
  readonly closed: () => boolean
  readonly changed: () => void
}

/** Tells when anybody has appended to the log: other instances too. */
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
    const { redis, clock, closed, changed } = this.#deps
    let last = '0-0'
    while (!closed()) {
      try {
        const newest = await redis.entryBehind(last, WAIT_MS)
        if (newest === last) continue
        last = newest
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
