import type { EventRecord } from '../../model/event/posted/event-record.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import type {
  EventFilter,
  EventName,
  EventPage,
  EventProvider,
  NewEvent,
  Posted,
  PostOptions,
  ProgressUpdate,
  ProviderCapabilities,
} from '../../model/state/event-provider.ts'
import type { Engine, Index, PagesFrom } from './contract.ts'
import { Forwarder } from './forwarder.ts'
import { IndexedLog } from './log.ts'

/**
 * Events whose log is on an engine that cannot look up, delay or deduplicate, with a store beside it that can. The store
 * (the index) is written first, in one transaction, and gives each event its place; then the engine gets what the index
 * has, in that order. What is answered is in both. A crash in between leaves an engine that is behind, which the
 * forwarder repairs; an engine that is ahead, or belongs to another index, is refused.
 */
export class IndexedEventProvider implements EventProvider {
  readonly description: string
  readonly can: ProviderCapabilities
  readonly log: IndexedLog
  readonly #index: Index
  readonly #engine: Engine
  readonly #forwarder: Forwarder
  #closed = false

  constructor(engine: Engine, openIndex: (pages: PagesFrom) => Index) {
    this.#engine = engine
    this.#index = openIndex((after) => this.#page(after))
    this.#forwarder = new Forwarder(() => this.#index.log, engine)
    this.description = engine.description
    const { can } = this.#index
    const durability = can.durability === 'fsync' ? engine.durability : can.durability
    this.can = { ...can, durability }
    this.log = new IndexedLog(this.description, this.can, this.#index.log, engine)
  }

  async post(events: readonly NewEvent[], options: PostOptions): Promise<readonly Posted[]> {
    await this.#checked()
    const answers = await this.#index.post(events, options)
    // What is waiting for its time is not for the engine yet. A duplicate may be one that did not get there.
    if (answers.some(({ record: { deliverAt } }) => deliverAt === null || deliverAt <= options.now)) {
      await this.#forwarder.flush()
    }
    return answers
  }

  get(name: EventName): Promise<EventRecord | null> {
    return this.#index.get(name)
  }

  list(filter: EventFilter): Promise<EventPage> {
    return this.#index.list(filter)
  }

  progress(updates: readonly ProgressUpdate[]): Promise<void> {
    return this.#index.progress(updates)
  }

  cancel(name: EventName, now: number): ReturnType<EventProvider['cancel']> {
    return this.#index.cancel(name, now)
  }

  async replay(name: EventName, now: number): ReturnType<EventProvider['replay']> {
    await this.#checked()
    const answer = await this.#index.replay(name, now)
    if (typeof answer === 'object') await this.#forwarder.flush()
    return answer
  }

  async due(now: number, limit: number): ReturnType<EventProvider['due']> {
    await this.#checked()
    const answer = await this.#index.due(now, limit)
    if (answer.moved > 0) await this.#forwarder.flush()
    return answer
  }

  async expire(before: number): Promise<number> {
    const count = await this.#index.expire(before)
    await this.log.trimEngine()
    return count
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#index.close()
    await this.#engine.close()
  }

  /**
   * Before the index gives new places: an index that is older than its engine would give some of them a second time. And
   * nothing is stored that is going to be refused, where the engine is known to be down.
   */
  #checked(): Promise<void> | undefined {
    return this.#forwarder.isInStep ? undefined : this.#forwarder.flush()
  }

  /** What the readers of the index get: from the engine, and from the index itself what the engine does not have. */
  async #page(after: number): Promise<readonly LogEntry[]> {
    try {
      await this.#forwarder.flush()
      if (after >= this.#forwarder.sent) return []
      // An engine keeps some of what was trimmed for a while.
      const from = Math.max(after, (await this.#index.log.extent()).trimmed)
      const found = await this.#engine.read(await this.#forwarder.identity(), from)
      const gap = found.findIndex(({ place }, i) => Number(place) !== from + 1 + i)
      const entries = gap < 0 ? found : found.slice(0, gap)
      if (entries.length > 0) return entries
      this.#forwarder.doubt()
      return await this.#index.log.entries(after)
    } catch (error) {
      this.#forwarder.doubt()
      // A log that was closed meanwhile ends its readers, without an error.
      if (this.#closed) return []
      throw error
    }
  }
}
