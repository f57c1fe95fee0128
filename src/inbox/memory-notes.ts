import { systemClock } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'

/** What was noted under a key, and with which result its work ended. */
interface Noted<More> {
  readonly at: number
  readonly more: More
  result: string | null
}

/** Notes of this process, for tests. They are in no transaction: what failed was noted as well. */
export class MemoryNotes<More> {
  readonly description = 'memory:'
  readonly #clock: Pick<Clock, 'now'>
  readonly #noted = new Map<string, Noted<More>>()

  constructor(clock: Pick<Clock, 'now'> = systemClock) {
    this.#clock = clock
  }

  async setup(): Promise<void> {}

  async deleteReceivedBefore(before: Date): Promise<number> {
    const old = [...this.#noted].filter(([, { at }]) => at < before.getTime())
    for (const [key] of old) this.#noted.delete(key)
    return old.length
  }

  /** False: it was noted before. */
  protected add(key: string, more: More): boolean {
    if (this.#noted.has(key)) return false
    this.#noted.set(key, { at: this.#clock.now(), more, result: null })
    return true
  }

  protected get(key: string): Readonly<Noted<More>> | undefined {
    return this.#noted.get(key)
  }

  protected setResult(key: string, result: string): void {
    const noted = this.#noted.get(key)
    if (noted !== undefined) noted.result = result
  }
}
