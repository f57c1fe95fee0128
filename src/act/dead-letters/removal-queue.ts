import type { DeadLetterStore } from '../../core/dead-letter.ts'

const MOST_AT_ONCE = 500

/** Removes entries in their order, many at a time: what is added while one removal is under way goes with the next. */
export class RemovalQueue {
  private readonly store: DeadLetterStore
  private readonly onRemoved: (ids: readonly string[]) => Promise<void>
  private waiting: string[] = []
  private running: Promise<void> | null = null
  private error: unknown = null

  constructor(store: DeadLetterStore, onRemoved: (ids: readonly string[]) => Promise<void>) {
    this.store = store
    this.onRemoved = onRemoved
  }

  /** Resolves when there is room for more; rejects with what an earlier removal was refused with. */
  async add(id: string): Promise<void> {
    this.waiting.push(id)
    this.start()
    while (this.waiting.length >= MOST_AT_ONCE && this.error === null) await this.running
    if (this.error !== null) throw this.error
  }

  /** Resolves when everything added so far is gone. */
  async done(): Promise<void> {
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
      // A turn of the event loop, for more to come together.
      await new Promise((resolve) => setImmediate(resolve))
      while (this.waiting.length > 0) {
        const ids = this.waiting.splice(0, MOST_AT_ONCE)
        await this.store.remove(ids)
        await this.onRemoved(ids)
      }
    } catch (error) {
      this.error = error
    }
  }
}
