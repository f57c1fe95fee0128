import { setTimeout as delay } from 'node:timers/promises'
import { BingoError } from '../../../src/model/errors.ts'
import type { EventProvider } from '../../../src/model/state/event-provider.ts'

/** What all of them read. */
export const GROUP = 'g'

/** What was done, by whomever: in the order in which it was finished. */
export class Work {
  readonly ids: string[] = []
  readonly #seen = new Set<string>()

  finish(id: string): void {
    this.ids.push(id)
    this.#seen.add(id)
  }

  async hasFinished(count: number): Promise<void> {
    await until(
      () => this.#seen.size >= count,
      () => `${this.#seen.size} of ${count} are finished`,
    )
  }

  /** Ids that are not the next one of their key, by the first time that each was done. */
  outOfOrder(): string[] {
    const last = new Map<string, number>()
    return [...new Set(this.ids)].filter((id) => {
      const [key, n] = id.split(':') as [string, string]
      const isNext = Number(n) === (last.get(key) ?? -1) + 1
      last.set(key, Number(n))
      return !isNext
    })
  }
}

/** Reads a group as an instance does: what it has read is worked off in some order, and acknowledged then. */
export class Reader {
  finished = 0
  readonly #provider: EventProvider
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(provider: EventProvider, work: Work) {
    this.#provider = provider
    this.#done = this.#read(work)
  }

  async hasFinished(count: number): Promise<void> {
    await until(
      () => this.finished >= count,
      () => `it has finished ${this.finished} of ${count}`,
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
    await this.#provider.close()
  }

  async #read(work: Work): Promise<void> {
    const { signal } = this.#stop
    let newest: string | null = null
    let batch: string[] = []
    const acking: Promise<void>[] = []
    const acknowledge = (): void => {
      const places = batch
      batch = []
      acking.push(patiently(() => this.#provider.log.ack(GROUP, places).catch(unlessBusy)))
    }
    while (!signal.aborted) {
      try {
        for await (const { id, place } of this.#provider.log.read(newest, { group: GROUP, signal })) {
          newest = place
          work.finish(id)
          this.finished += 1
          if (batch.push(place) === 1) setTimeout(acknowledge, Number(place) % 7)
        }
      } catch {
        await delay(20)
      }
    }
    await delay(10)
    await Promise.all(acking)
  }
}

/** Another instance reads some of them now, and acknowledges them itself. */
function unlessBusy(error: unknown): void {
  if (!(error instanceof BingoError) || error.code !== 'BINGO_LOG_GROUP_BUSY') throw error
}

/** A server that is away for a moment. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === 200) throw error
      await delay(50)
    }
  }
}

async function until(condition: () => boolean, state: () => string): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 60_000) throw new Error(`not in time: ${state()}`)
    await delay(10)
  }
}
