import { uuid7 } from '../model/event/posted/uuid7.ts'
import type { Clock } from '../model/clock.ts'
import { Claims } from './claims.ts'
import type { OutboxProcessor, OutboxProcessorOptions, OutboxStorage, StoredOutboxEntry } from './contract.ts'

const DEFAULTS = {
  batch: 100,
  concurrency: 10,
  pollMs: 1_000,
  maxRetries: 3,
  retryDelayMs: 1_000,
  leaseMs: 30_000,
  after: 'mark',
  onError: () => undefined,
} as const
const CLEANUP_EVERY_MS = 3_600_000
const MOST_BACKOFF_MS = 60_000

type Settings = Omit<
  { readonly [K in keyof OutboxProcessorOptions]-?: NonNullable<OutboxProcessorOptions[K]> },
  'keepMs'
> & {
  readonly keepMs: number | undefined
}

/** Publishes what an outbox holds, in the order of each aggregate. */
export class StoredProcessor implements OutboxProcessor {
  readonly #storage: OutboxStorage
  readonly #settings: Settings
  readonly #clock: Clock
  /** Names its claims. */
  readonly #owner: string
  readonly #stopping = new AbortController()
  #running: Promise<void> | null = null
  #wake: () => void = () => undefined
  #woken = false
  #nextCleanupMs = 0

  constructor(storage: OutboxStorage, options: OutboxProcessorOptions, clock: Clock) {
    this.#storage = storage
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
    this.#settings = { keepMs: undefined, ...DEFAULTS, ...(given as unknown as OutboxProcessorOptions) } as Settings
    this.#clock = clock
    this.#owner = uuid7(clock.now())
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.wake()
    await this.#running
  }

  /** There is something to publish. */
  wake(): void {
    this.#woken = true
    this.#wake()
  }

  async processOnce(): Promise<number> {
    const { batch: limit, leaseMs, concurrency } = this.#settings
    const claimedAtMs = this.#clock.monotonicMs()
    const entries = await this.#storage.fetchUnprocessed({ owner: this.#owner, limit, leaseMs })
    if (entries.length === 0) return 0
    const claims = new Claims({
      storage: this.#storage,
      owner: this.#owner,
      entries,
      leaseMs,
      claimedAtMs,
      clock: this.#clock,
      onError: (error) => this.#report(error),
    })
    try {
      const queues = queuesOf(entries)
      const published = await Promise.all(
        Array.from({ length: Math.min(concurrency, queues.length) }, () => this.#work(queues, claims)),
      )
      return published.reduce((sum, count) => sum + count, 0)
    } finally {
      await claims.end()
    }
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stopping.signal.aborted) {
      this.#woken = false
      try {
        const published = await this.processOnce()
        await this.#cleanUp()
        failures = 0
        if (published === 0) await this.#pause(this.#settings.pollMs)
      } catch (error) {
        this.#report(error)
        failures += 1
        await this.#pause(Math.min(this.#settings.pollMs * 2 ** failures, MOST_BACKOFF_MS))
      }
    }
  }

  /** Takes queues until there are none left; each is of one aggregate. */
  async #work(queues: StoredOutboxEntry[][], claims: Claims): Promise<number> {
    let published = 0
    for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) {
      for (const entry of queue) {
        if (this.#stopping.signal.aborted || !claims.hold(entry.id)) break
        // What comes behind a failed one of its aggregate waits for it; it goes back with the rest of the claims.
        if (!(await this.#publish(entry, claims))) break
        published += 1
      }
    }
    return published
  }

  async #publish(entry: StoredOutboxEntry, claims: Claims): Promise<boolean> {
    const { publish, maxRetries, retryDelayMs } = this.#settings
    try {
      await publish(entry, claims.signal)
    } catch (error) {
      this.#report(error, entry)
      const text = error instanceof Error ? error.message : String(error)
      const retries = entry.retryCount
      const failed = retries >= maxRetries
      await claims.settle(entry.id, () =>
        failed
          ? this.#storage.markAsFailed(entry.id, text)
          : this.#storage.incrementRetry(entry.id, text, Math.min(retryDelayMs * 2 ** retries, MOST_BACKOFF_MS)),
      )
      return false
    }
    const { after } = this.#settings
    await claims.settle(entry.id, async () => {
      if (after === 'delete') await this.#storage.delete([entry.id])
      else await this.#storage.markAsProcessed([entry.id], this.#owner)
    })
    return true
  }

  async #cleanUp(): Promise<void> {
    const { keepMs } = this.#settings
    const now = this.#clock.now()
    if (keepMs === undefined || now < this.#nextCleanupMs) return
    await this.#storage.deleteProcessedBefore(new Date(now - keepMs))
    this.#nextCleanupMs = now + CLEANUP_EVERY_MS
  }

  async #pause(ms: number): Promise<void> {
    if (this.#woken) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#clock.after(ms, resolve)
    this.#wake = resolve
    await promise
    this.#wake = () => undefined
    timer.cancel()
  }

  #report(error: unknown, entry: StoredOutboxEntry | null = null): void {
    this.#settings.onError(error, entry)
  }
}

/** Entries of one aggregate in their order; one without has a queue of its own. */
function queuesOf(entries: readonly StoredOutboxEntry[]): StoredOutboxEntry[][] {
  const ofAggregates = new Map<string, StoredOutboxEntry[]>()
  const queues: StoredOutboxEntry[][] = []
  for (const entry of entries) {
    const known = entry.aggregateId === null ? undefined : ofAggregates.get(entry.aggregateId)
    if (known !== undefined) {
      known.push(entry)
      continue
    }
    const queue = [entry]
    queues.push(queue)
    if (entry.aggregateId !== null) ofAggregates.set(entry.aggregateId, queue)
  }
  return queues
}
