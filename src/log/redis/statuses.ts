import type { ProgressUpdate } from '../../model/state/event-provider.ts'
import { logBusy } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import { advance, firstProgress } from '../progress.ts'
import { Batches } from '../batches.ts'
import { changeArguments } from './changes.ts'
import type { EventRedis } from './connection.ts'
import { progressOf, progressText } from './rows.ts'
import { CHANGE, FIND, FIRST_PROGRESS } from './scripts.ts'

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
    const events = Map.groupBy(batch.flat(), keyOfName)
    const names = [...events.keys()]
    const first = [...events].flatMap(([name, updates]) => {
      const { status, updatedAt, rest } = firstProgress(updates)
      return [name, status, updatedAt, rest]
    })
    // Most have ended by the first time that they are written.
    const left = (await this.#redis.run(FIRST_PROGRESS, first)) as number[]
    if (left.length > 0)
      await this.#change(new Map(left.map((number) => [names[number - 1]!, events.get(names[number - 1]!)!])))
    return batch.map(() => null)
  }

  async #change(events: Events): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const changes = await this.#changes(events)
      if (changes.length === 0) return
      if ((await this.#redis.run(CHANGE, [UNBOUNDED, UNBOUNDED, ...changes])) === 1) return
    }
    throw logBusy(this.#log)
  }

  /** Of what is stored now. */
  async #changes(events: Events): Promise<(string | number)[]> {
    const found = (await this.#redis.run(FIND, ['0', ...events.keys()])) as string[]
    return [...events].flatMap(([name, updates], i) => {
      const [meta, , progress] = found.slice(2 + i * 3) as [string, string, string]
      if (meta === '') return []
      const before = progressOf(meta, progress)
      const after = updates.reduce(advance, before)
      if (after === before) return []
      const newProgress = progressText(after)
      const partition = meta.slice(meta.lastIndexOf(' ') + 1)
      const { at } = updates.at(-1)!
      return changeArguments({ name, meta, progress, place: 'keep', dueAt: '', body: '', newProgress, partition, at })
    })
  }
}

/** What is to be written of each event, by its name. */
type Events = ReadonlyMap<string, readonly ProgressUpdate[]>
