import { systemClock, type Clock } from '../../model/clock.ts'
import type { DeadLetterStore } from '../../model/delivery/dead-letter.ts'

const MOST_AT_ONCE = 500
/** How long entries wait for others to go with: a file is flushed for each removal, and that may take longer than a send. */
const GATHER_MS = 20

/** Removes entries in their order, many at a time. */
export class RemovalQueue {
  private readonly store: DeadLetterStore
  private readonly onRemoved: (ids: readonly string[]) => Promise<void>
  private readonly clock: Pick<Clock, 'after'>
  private waiting: string[] = []
  private running: Promise<void> | null = null
  /** Ends the gathering. */
  private enough: (() => void) | null = null
  private error: unknown = null

  constructor(
    store: DeadLetterStore,
    onRemoved: (ids: readonly string[]) => Promise<void>,
    clock: Pick<Clock, 'after'> = systemClock,
  ) {
    this.store = store
    this.onRemoved = onRemoved
    this.clock = clock
  }

  /** Resolves when there is room for more; rejects with what an earlier removal was refused with. */
  async add(id: string): Promise<void> {
    this.waiting.push(id)
    this.start()
    if (this.waiting.length >= MOST_AT_ONCE) this.enough?.()
    while (this.waiting.length >= MOST_AT_ONCE && this.error === null) await this.running
    if (this.error !== null) throw this.error
  }

  /** Resolves when everything added so far is gone. */
  async done(): Promise<void> {
    this.enough?.()
    while (this.running !== null && this.error === null) await this.running
    if (this.error !== null) throw this.error
  }

  private start(): void {
    if (this.running !== null || this.error !== null) return
    this.running = this.removeAll().finally(() => {
      this.running = null
    })
  }

  private async removeAll(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        if (this.waiting.length < MOST_AT_ONCE) await this.gather()
        const ids = this.waiting.splice(0, MOST_AT_ONCE)
        await this.store.remove(ids)
        await this.onRemoved(ids)
      }
    } catch (error) {
      this.error = error
    }
  }

  private async gather(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.enough = resolve
    const timer = this.clock.after(GATHER_MS, resolve)
    await promise
    timer.cancel()
    this.enough = null
  }
}
