import type { PositionStore, StoredPosition } from '../../flow/checkpoint/position-store.ts'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import type { LineTotals, StoredRecord, WaitingRecord, WaitingSeq, WaitingStore } from '../../model/delivery/waiting.ts'
import { BingoError } from '../../model/errors.ts'
import type { Permit } from '../../model/state/lease.ts'

/** A target that sends only with a permit. Without a lease nothing is wrapped, so that nothing is paid. */
export class GuardedTarget implements Target {
  readonly gather: Target['gather']
  readonly beforeDeadLetter?: NonNullable<Target['beforeDeadLetter']>
  readonly afterRedelivery?: NonNullable<Target['afterRedelivery']>
  readonly ask?: NonNullable<Target['ask']>
  readonly #inner: Target
  readonly #permit: Permit

  constructor(inner: Target, permit: Permit) {
    this.#inner = inner
    this.#permit = permit
    this.gather = inner.gather
    // Who calls looks whether the target has them at all.
    if (inner.beforeDeadLetter !== undefined) this.beforeDeadLetter = (jobs) => inner.beforeDeadLetter!(jobs)
    if (inner.ask !== undefined) {
      this.ask = async (job, signal) => (await this.#withheld(signal)) ?? inner.ask!(job, signal)
    }
    if (inner.afterRedelivery !== undefined) this.afterRedelivery = (jobs) => inner.afterRedelivery!(jobs)
  }

  get maxBatch(): number {
    return this.#inner.maxBatch
  }

  get maxConcurrency(): number {
    return this.#inner.maxConcurrency
  }

  async send(jobs: readonly Sendable[], signal: AbortSignal): Promise<SendResult> {
    const failure = this.#permit.valid ? null : await this.#withheld(signal)
    return failure === null ? this.#inner.send(jobs, signal) : jobs.map(() => failure)
  }

  /** Waits for the permit; the failure where it does not come. */
  async #withheld(signal: AbortSignal): Promise<DeliveryFailure | null> {
    if (this.#permit.valid) return null
    return this.#permit.granted(signal).then(
      () => null,
      (error: unknown) => ({ kind: 'down', error: withheld(error) }),
    )
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

/** Dead letters and parked keys of an instance that was replaced would be news to the one that replaced it. */
export class GuardedDeadLetters implements DeadLetterStore {
  readonly description: string
  readonly #inner: DeadLetterStore
  readonly #permit: Permit

  constructor(inner: DeadLetterStore, permit: Permit) {
    this.#inner = inner
    this.#permit = permit
    this.description = inner.description
  }

  async add(letters: readonly DeadLetter[]): Promise<readonly string[]> {
    if (!this.#permit.valid) await this.#permit.granted()
    return this.#inner.add(letters)
  }

  parkedKeys(): Promise<ReadonlySet<string>> {
    return this.#inner.parkedKeys()
  }

  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    return this.#inner.list(filter)
  }

  remove(ids: readonly string[]): Promise<number> {
    return this.#inner.remove(ids)
  }

  count(): Promise<number> {
    return this.#inner.count()
  }

  lease(): Promise<AsyncDisposable> {
    return this.#inner.lease()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

/** Events that wait are the business of the instance that leads, and of nobody else. */
export class GuardedWaiting implements WaitingStore {
  readonly description: string
  readonly #inner: WaitingStore
  readonly #permit: Permit

  constructor(inner: WaitingStore, permit: Permit) {
    this.#inner = inner
    this.#permit = permit
    this.description = inner.description
  }

  async add(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]> {
    if (!this.#permit.valid) await this.#permit.granted()
    return this.#inner.add(records)
  }

  async remove(places: readonly WaitingSeq[]): Promise<void> {
    if (!this.#permit.valid) await this.#permit.granted()
    return this.#inner.remove(places)
  }

  async replace(records: readonly StoredRecord[]): Promise<void> {
    if (!this.#permit.valid) await this.#permit.granted()
    return this.#inner.replace(records)
  }

  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]> {
    return this.#inner.page(line, after, limit)
  }

  ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]> {
    return this.#inner.ofKey(line, rowKey)
  }

  lines(): Promise<readonly LineTotals[]> {
    return this.#inner.lines()
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}

/** On top of the epoch that the store compares. */
export class GuardedPositions implements PositionStore {
  readonly description: string
  readonly #inner: PositionStore
  readonly #permit: Permit

  constructor(inner: PositionStore, permit: Permit) {
    this.#inner = inner
    this.#permit = permit
    this.description = inner.description
  }

  async save(stored: StoredPosition): Promise<void> {
    if (!this.#permit.valid) await this.#permit.granted()
    return this.#inner.save(stored)
  }
}

function withheld(reason: unknown): BingoError {
  if (reason instanceof BingoError) return reason
  return new BingoError('BINGO_LEASE_UNCONFIRMED', 'delivery withheld: the lease is not confirmed', {
    retryable: true,
    cause: reason,
  })
}
