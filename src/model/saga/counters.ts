import type { BingoError } from '../errors.ts'
import { DurationHistogram } from '../delivery/duration-histogram.ts'
import type { SagaStatus } from './instance.ts'
import type { SagaCount } from './store.ts'

/** What the sagas of an instance tell of themselves. */
export class SagaCounters {
  /** As the store had it a moment ago. */
  counts: readonly SagaCount[] = []
  /** From start to end, by saga and how it ended. */
  readonly durations = new Map<string, Map<SagaStatus, DurationHistogram>>()
  startedTotal = 0
  /** Events that changed nothing: twice, too late, or of no instance. */
  ignoredTotal = 0
  /** Commands by what became of them. */
  readonly commandsTotal = { done: 0, refused: 0, failed: 0 }
  /** Commands that are on their way. */
  inFlight = 0
  /** Since when the store takes nothing; 0 = it does. */
  blockedSince = 0
  blockedBy: { readonly code: string; readonly message: string } | null = null
  /** Definitions that instances began with, and that cannot be used now: `SAGA VERSION` and why. */
  readonly unusable = new Map<string, string>()

  ended(saga: string, status: SagaStatus, ms: number): void {
    let ofSaga = this.durations.get(saga)
    if (ofSaga === undefined) this.durations.set(saga, (ofSaga = new Map()))
    let histogram = ofSaga.get(status)
    if (histogram === undefined) ofSaga.set(status, (histogram = new DurationHistogram()))
    histogram.observe(ms)
  }

  blocked(at: number, { code, message }: BingoError): void {
    if (this.blockedSince === 0) this.blockedSince = at
    this.blockedBy = { code, message }
  }

  unblocked(): void {
    this.blockedSince = 0
    this.blockedBy = null
  }
}
