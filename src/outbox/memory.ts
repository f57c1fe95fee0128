import { systemClock } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { OutboxClaim, OutboxEntry, OutboxStorage, StoredOutboxEntry } from './contract.ts'
import { idTaken } from './errors.ts'

interface Kept {
  entry: StoredOutboxEntry
  owner: string | null
  /** Of the claim, or of the next attempt. */
  untilMs: number
  processedAt: number | null
  error: string | null
  failed: boolean
}

/** Entries of this process, for tests. It has no transactions. */
export class MemoryOutbox implements OutboxStorage {
  readonly description = 'memory:'
  readonly #clock: Pick<Clock, 'now'>
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Pick<Clock, 'now'> = systemClock) {
    this.#clock = clock
  }

  async setup(): Promise<void> {}

  save(entry: OutboxEntry, transaction?: unknown): Promise<void> {
    return this.saveBatch([entry], transaction)
  }

  async saveBatch(entries: readonly OutboxEntry[], transaction?: unknown): Promise<void> {
    if (transaction !== undefined) {
      throw new BingoError('BINGO_OUTBOX_TRANSACTION', 'An outbox in memory takes part in no transaction', {
        hint: 'Use sqlOutbox(…) with the database that the transaction is in.',
      })
    }
    const taken = entries.find(({ id }, i) => this.#kept.has(id) || entries.findIndex((other) => other.id === id) < i)
    if (taken !== undefined) throw idTaken(taken.id)
    for (const { id, topic, aggregateId = null, type = null, payload, headers } of entries) {
      // As a database would give it back.
      const copy = JSON.parse(JSON.stringify(payload ?? null)) as unknown
      const entry = { id, topic, aggregateId, type, payload: copy, headers: { ...headers }, retryCount: 0 }
      this.#kept.set(id, { entry, owner: null, untilMs: 0, processedAt: null, error: null, failed: false })
    }
  }

  async fetchUnprocessed({ owner, limit, leaseMs }: OutboxClaim): Promise<readonly StoredOutboxEntry[]> {
    const now = this.#clock.now()
    const claimed: StoredOutboxEntry[] = []
    const closed = new Set<string>()
    for (const kept of this.#kept.values()) {
      const { entry, untilMs, processedAt, failed } = kept
      if (processedAt !== null || failed) continue
      const isFree = untilMs <= now && !(entry.aggregateId !== null && closed.has(entry.aggregateId))
      if (isFree && claimed.length < limit) {
        Object.assign(kept, { owner, untilMs: now + leaseMs })
        claimed.push(entry)
      } else if (entry.aggregateId !== null) closed.add(entry.aggregateId)
    }
    return claimed
  }

  async renew(ids: readonly string[], owner: string, leaseMs: number): Promise<number> {
    const own = this.#owned(ids, owner)
    for (const kept of own) kept.untilMs = this.#clock.now() + leaseMs
    return own.length
  }

  async release(ids: readonly string[], owner: string): Promise<void> {
    for (const kept of this.#owned(ids, owner)) Object.assign(kept, { owner: null, untilMs: 0 })
  }

  async markAsProcessed(ids: readonly string[], owner: string): Promise<number> {
    const own = this.#owned(ids, owner)
    for (const kept of own) Object.assign(kept, { owner: null, processedAt: this.#clock.now() })
    return own.length
  }

  async markAsFailed(id: string, error: string): Promise<void> {
    const kept = this.#kept.get(id)
    if (kept !== undefined) Object.assign(kept, { owner: null, failed: true, error })
  }

  async incrementRetry(id: string, error: string, delayMs: number): Promise<void> {
    const kept = this.#kept.get(id)
    if (kept === undefined) return
    const entry = { ...kept.entry, retryCount: kept.entry.retryCount + 1 }
    Object.assign(kept, { entry, owner: null, error, untilMs: this.#clock.now() + delayMs })
  }

  async delete(ids: readonly string[]): Promise<number> {
    return ids.filter((id) => this.#kept.delete(id)).length
  }

  async deleteProcessedBefore(before: Date): Promise<number> {
    const old = [...this.#kept.values()].filter(
      ({ processedAt }) => processedAt !== null && processedAt < before.getTime(),
    )
    return this.delete(old.map(({ entry }) => entry.id))
  }

  async close(): Promise<void> {}

  #owned(ids: readonly string[], owner: string): Kept[] {
    return ids.flatMap((id) => this.#kept.get(id) ?? []).filter((kept) => kept.owner === owner)
  }
}
