import type { Clock } from '../model/clock.ts'
import { systemClock } from '../model/clock.ts'
import type { InboxMessage, InboxStorage } from './contract.ts'

interface Noted {
  readonly at: number
  result: string | null
}

/** Messages that this process has handled, for tests. It has no transactions: a message whose work failed was handled. */
export class MemoryInbox implements InboxStorage {
  readonly description = 'memory:'
  readonly #clock: Pick<Clock, 'now'>
  readonly #noted = new Map<string, Noted>()

  constructor(clock: Pick<Clock, 'now'> = systemClock) {
    this.#clock = clock
  }

  async setup(): Promise<void> {}

  async begin(_transaction: unknown, message: InboxMessage): Promise<boolean> {
    const key = keyOf(message)
    if (this.#noted.has(key)) return false
    this.#noted.set(key, { at: this.#clock.now(), result: null })
    return true
  }

  async result(_transaction: unknown, message: InboxMessage): Promise<string | null> {
    return this.#noted.get(keyOf(message))?.result ?? null
  }

  async finish(_transaction: unknown, message: InboxMessage, result: string): Promise<void> {
    const noted = this.#noted.get(keyOf(message))
    if (noted !== undefined) noted.result = result
  }

  async deleteReceivedBefore(before: Date): Promise<number> {
    const old = [...this.#noted].filter(([, { at }]) => at < before.getTime())
    for (const [key] of old) this.#noted.delete(key)
    return old.length
  }
}

function keyOf({ id, handler }: InboxMessage): string {
  return JSON.stringify([handler, id])
}
