import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 100

/** Holds up who writes while what was written is not done: a slow machine makes a run longer, never a backlog. */
export class Throttle {
  private closed: PromiseWithResolvers<void> | null = null
  private ending = false
  private watching: Promise<void> | null = null

  set(isClosed: boolean): void {
    if (isClosed) this.closed ??= Promise.withResolvers()
    else {
      this.closed?.resolve()
      this.closed = null
    }
  }

  /** Resolves when writing may go on. */
  async open(): Promise<void> {
    while (this.closed !== null) await this.closed.promise
  }

  /** Looks again and again. */
  watch(look: () => Promise<void>): void {
    this.watching = (async () => {
      while (!this.ending) {
        await look()
        await delay(LOOK_MS)
      }
    })()
    this.watching.catch(() => this.set(false))
  }

  /** Holds up nobody any more. */
  async end(): Promise<void> {
    this.ending = true
    await this.watching?.catch(() => undefined)
    this.set(false)
  }
}
