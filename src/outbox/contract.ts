/** A message to be published once the transaction that it is saved with has committed. */
export interface OutboxEntry {
  /** Its name for whoever receives it: the same in every attempt to publish it. */
  readonly id: string
  readonly topic: string
  /** What order is kept for, such as an order's number. Entries without one have no order among each other. */
  readonly aggregateId?: string | null | undefined
  readonly type?: string | null | undefined
  /** What JSON can say. */
  readonly payload: unknown
  readonly headers?: { readonly [name: string]: string } | null | undefined
}

export interface StoredOutboxEntry {
  readonly id: string
  readonly topic: string
  readonly aggregateId: string | null
  readonly type: string | null
  readonly payload: unknown
  readonly headers: { readonly [name: string]: string }
  /** Failed attempts. */
  readonly retryCount: number
}

/** Who takes entries, how many of them, and for how long unless it says that it still works on them. */
export interface OutboxClaim {
  readonly owner: string
  readonly limit: number
  readonly leaseMs: number
}

/**
 * Where entries are kept. `transaction` is whatever the storage understands as a transaction of the application. Times are
 * told by the storage's clock: those of several processes need not agree.
 */
export interface OutboxStorage {
  /** Printable, no secrets. */
  readonly description: string
  /** Makes what it needs where it is missing. */
  setup(): Promise<void>
  save(entry: OutboxEntry, transaction?: unknown): Promise<void>
  /** All or none. */
  saveBatch(entries: readonly OutboxEntry[], transaction?: unknown): Promise<void>
  /**
   * Claims entries that are neither published nor failed nor claimed nor waiting for their next attempt, the oldest first;
   * none of an aggregate that has an older one which somebody else has claimed, or which waits.
   */
  fetchUnprocessed(claim: OutboxClaim): Promise<readonly StoredOutboxEntry[]>
  /** Claims of `owner` among them last for `leaseMs` more; answers how many it still has. */
  renew(ids: readonly string[], owner: string, leaseMs: number): Promise<number>
  /** Gives claims back. */
  release(ids: readonly string[], owner: string): Promise<void>
  /** Answers how many of them `owner` had claimed. */
  markAsProcessed(ids: readonly string[], owner: string): Promise<number>
  /** No more attempts. */
  markAsFailed(id: string, error: string): Promise<void>
  /** Counts an attempt that failed, and gives the claim back: the next one is due after `delayMs`. */
  incrementRetry(id: string, error: string, delayMs: number): Promise<void>
  delete(ids: readonly string[]): Promise<number>
  /** Answers how many were deleted. */
  deleteProcessedBefore(before: Date): Promise<number>
  close(): Promise<void>
}

export interface OutboxProcessorOptions {
  /** Hands an entry to a broker, and resolves when that has taken it. A rejection is retried. */
  readonly publish: (entry: StoredOutboxEntry, signal: AbortSignal) => Promise<void>
  /** Entries that are claimed at once. Default: 100. */
  readonly batch?: number | undefined
  /** Aggregates that are published at the same time. Default: 10. */
  readonly concurrency?: number | undefined
  /** How long to wait when there was nothing to do. Default: 1000. */
  readonly pollMs?: number | undefined
  /** Attempts after the first one; then the entry is marked as failed. Default: 3. */
  readonly maxRetries?: number | undefined
  /** Before the first retry, doubled for each further one. Default: 1000. */
  readonly retryDelayMs?: number | undefined
  /** How long claims last after the death of a processor. A live one renews them. Default: 30000. */
  readonly leaseMs?: number | undefined
  /** What happens to a published entry. Default: `mark`. */
  readonly after?: 'mark' | 'delete' | undefined
  /** Delete published entries of this age, once in an hour. Default: never. */
  readonly keepMs?: number | undefined
  /** Told of failed attempts (with their entry) and of a storage that cannot be used. Default: nobody. */
  readonly onError?: ((error: unknown, entry: StoredOutboxEntry | null) => void) | undefined
}

export interface OutboxProcessor {
  /** Publishes until it is stopped. */
  start(): void
  /** Takes nothing new, waits for what is being published, and gives the rest back. */
  stop(): Promise<void>
  /** Claims and publishes one batch; answers how many entries were published. Rejects when the storage cannot be used. */
  processOnce(): Promise<number>
}

export interface Outbox {
  /** Makes the table where it is missing. */
  setup(): Promise<void>
  /** Saves in a transaction of its own. */
  saveForPublish(entry: OutboxEntry): Promise<void>
  /**
   * Saves in a transaction that the application has open: of mysql2, pg, node:sqlite, Kysely, Prisma or Drizzle. Published
   * when that commits, gone when it rolls back.
   */
  saveWithTransaction(transaction: unknown, entry: OutboxEntry | readonly OutboxEntry[]): Promise<void>
  processor(options: OutboxProcessorOptions): OutboxProcessor
  close(): Promise<void>
}
