import type { Clock } from '../../model/clock.ts'
import { systemClock } from '../../model/clock.ts'
import type { BarrierStorage, NotedCommand, SagaOperation } from './contract.ts'

interface Noted {
  readonly at: number
  readonly notedBy: SagaOperation
  result: string | null
}

/** Commands that this process has seen, for tests. It has no transactions: a command whose work failed came. */
export class MemoryBarrier implements BarrierStorage {
  readonly description = 'memory:'
  readonly #clock: Pick<Clock, 'now'>
  readonly #noted = new Map<string, Noted>()

  constructor(clock: Pick<Clock, 'now'> = systemClock) {
    this.#clock = clock
  }

  async setup(): Promise<void> {}

  async note(_transaction: unknown, command: NotedCommand): Promise<boolean> {
    const key = keyOf(command)
    if (this.#noted.has(key)) return false
    this.#noted.set(key, { at: this.#clock.now(), notedBy: command.notedBy, result: null })
    return true
  }

  async find(_transaction: unknown, command: Parameters<BarrierStorage['find']>[1]): Promise<Noted | null> {
    return this.#noted.get(keyOf(command)) ?? null
  }

  async finish(_transaction: unknown, command: Parameters<BarrierStorage['finish']>[1], result: string): Promise<void> {
    const noted = this.#noted.get(keyOf(command))
    if (noted !== undefined) noted.result = result
  }

  async deleteReceivedBefore(before: Date): Promise<number> {
    const old = [...this.#noted].filter(([, { at }]) => at < before.getTime())
    for (const [key] of old) this.#noted.delete(key)
    return old.length
  }
}

function keyOf({ saga, step, operation }: Parameters<BarrierStorage['find']>[1]): string {
  return JSON.stringify([saga, step, operation])
}
