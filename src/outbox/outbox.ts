import type { Clock } from '../model/clock.ts'
import { systemClock } from '../model/clock.ts'
import type { Outbox, OutboxEntry, OutboxProcessor, OutboxProcessorOptions, OutboxStorage } from './contract.ts'
import { checkEntry, invalidEntry } from './entry.ts'
import { noTransaction } from './errors.ts'
import { StoredProcessor } from './processor.ts'

export interface OutboxOptions {
  /** Default: the system clock. */
  readonly clock?: Clock | undefined
}

/** An outbox over a storage: `sqlOutbox(…)`, `new MemoryOutbox()`, or one of the application's own. */
export function createOutbox(storage: OutboxStorage, { clock = systemClock }: OutboxOptions = {}): Outbox {
  return new StoredOutbox(storage, clock)
}

class StoredOutbox implements Outbox {
  readonly #storage: OutboxStorage
  readonly #clock: Clock
  readonly #processors = new Set<StoredProcessor>()

  constructor(storage: OutboxStorage, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  setup(): Promise<void> {
    return this.#storage.setup()
  }

  async saveForPublish(entry: OutboxEntry): Promise<void> {
    checkEntry(entry)
    await this.#storage.save(entry)
    for (const processor of this.#processors) processor.wake()
  }

  async saveWithTransaction(transaction: unknown, entry: OutboxEntry | readonly OutboxEntry[]): Promise<void> {
    if (transaction === undefined || transaction === null) throw noTransaction('there is none')
    const entries = Array.isArray(entry) ? (entry as readonly OutboxEntry[]) : [entry as OutboxEntry]
    if (entries.length === 0) throw invalidEntry('the list is empty')
    for (const each of entries) checkEntry(each)
    // Called in the same turn: a transaction of node:sqlite may be committed in the next line.
    await (entries.length === 1
      ? this.#storage.save(entries[0]!, transaction)
      : this.#storage.saveBatch(entries, transaction))
  }

  processor(options: OutboxProcessorOptions): OutboxProcessor {
    const processor = new StoredProcessor(this.#storage, options, this.#clock)
    this.#processors.add(processor)
    return processor
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processors].map((processor) => processor.stop()))
    await this.#storage.close()
  }
}
