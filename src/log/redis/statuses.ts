import type { ProgressUpdate } from '../../model/state/event-provider.ts'
import { logBusy } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import { advance } from '../progress.ts'
import { Batches } from '../batches.ts'
import { changeArguments } from './changes.ts'
import type { EventRedis } from './connection.ts'
import { createdAtOf, progressOf, progressText } from './rows.ts'
import { CHANGE, FIND } from './scripts.ts'

const LIMITS = { bytes: 4 << 20, count: 200, waitingBytes: 64 << 20 }
/** Outcomes and status of one event, about. */
const PROGRESS_BYTES = 300
const ATTEMPTS = 20
const UNBOUNDED = Number.MAX_SAFE_INTEGER

/** Writes what became of events; what comes in meanwhile goes into the next batch. */
export class Statuses {
  readonly #redis: EventRedis
  readonly #log: string
  readonly #batches: Batches<readonly ProgressUpdate[], null>

  constructor(redis: EventRedis, log: string) {
    this.#redis = redis
    this.#log = log
    this.#batches = new Batches(
      (updates) => this.#write(updates),
      LIMITS,
      () => logBusy(log),
    )
  }

  async add(updates: readonly ProgressUpdate[]): Promise<void> {
    if (updates.length > 0) await this.#batches.add(updates, updates.length * PROGRESS_BYTES)
  }

  drain(): Promise<void> {
    return this.#batches.drain()
  }

  async #write(batch: readonly (readonly ProgressUpdate[])[]): Promise<null[]> {
    const updates = batch.flat()
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const changes = await this.#changes(updates)
      if (changes.length === 0) return batch.map(() => null)
      if ((await this.#redis.run(CHANGE, [UNBOUNDED, UNBOUNDED, ...changes])) === 1) return batch.map(() => null)
    }
    throw logBusy(this.#log)
  }

  /** Of what is stored now. */
  async #changes(updates: readonly ProgressUpdate[]): Promise<(string | number)[]> {
    const byName = new Map<string, ProgressUpdate[]>()
    for (const update of updates) {
      const name = keyOfName(update)
      const known = byName.get(name)
      if (known === undefined) byName.set(name, [update])
      else known.push(update)
    }
    const found = (await this.#redis.run(FIND, ['0', ...byName.keys()])) as string[]
    return [...byName].flatMap(([name, own], i) => {
      const [meta, , progress] = found.slice(2 + i * 3) as [string, string, string]
      if (meta === '') return []
      const before = progressOf(progress, createdAtOf(meta))
      const after = own.reduce(advance, before)
      if (after === before) return []
      const newProgress = progressText(after)
      const partition = meta.slice(meta.lastIndexOf(' ') + 1)
      const { at } = own.at(-1)!
      return changeArguments({ name, meta, progress, place: 'keep', dueAt: '', body: '', newProgress, partition, at })
    })
  }
}
