import type { Capabilities, LogEntry, LogStats, Place, ReadOptions } from '../../model/state/event-log.ts'
import type { Engine, IndexLog } from './contract.ts'

/** The log of an engine: its groups and counts are those of the index. */
export class IndexedLog implements Omit<IndexLog, 'identity' | 'extent' | 'entries' | 'wake'> {
  readonly description: string
  readonly can: Capabilities
  readonly #index: IndexLog
  readonly #engine: Engine

  constructor(description: string, can: Capabilities, index: IndexLog, engine: Engine) {
    this.description = description
    this.can = can
    this.#index = index
    this.#engine = engine
  }

  read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    return this.#index.read(from, options)
  }

  ack(group: string, places: readonly Place[]): Promise<void> {
    return this.#index.ack(group, places)
  }

  async trim(before: Place): Promise<number> {
    const count = await this.#index.trim(before)
    await this.trimEngine()
    return count
  }

  stats(): Promise<LogStats> {
    return this.#index.stats()
  }

  /** The index knows what every group has acknowledged; an engine that is down is trimmed the next time. */
  async trimEngine(): Promise<void> {
    const { trimmed } = await this.#index.extent()
    if (trimmed > 0) await this.#engine.trim(trimmed).catch(() => undefined)
  }
}
