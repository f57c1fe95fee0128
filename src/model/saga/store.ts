import type { SagaSource } from './definition.ts'
import type { SagaInstance, SagaRef, SagaStatus } from './instance.ts'

/** Goes on behind the last instance of the page before. */
export interface SagaPage {
  readonly limit: number
  /** As `next` of the page before; null: the first. */
  readonly after: string | null
}

export interface SagaFilter {
  readonly saga?: string | undefined
  readonly status?: readonly SagaStatus[] | undefined
  /** Keys that begin with it. */
  readonly keyPrefix?: string | undefined
}

export interface SagaListing {
  /** Newest start first. */
  readonly instances: readonly SagaInstance[]
  /** Null: that was the last page. */
  readonly next: string | null
}

export interface SagaCount {
  readonly saga: string
  readonly status: SagaStatus
  readonly count: number
  /** When the oldest of them started. */
  readonly oldestMs: number
}

/** One change of an instance. `from`: the revision that it was made of, which has to be the stored one; 0: it is new. */
export interface SagaTransition {
  readonly instance: SagaInstance
  readonly from: number
}

/** What a store that is not set up for sagas can lose, and when. */
export interface SagaStoreRisk {
  /** warning: by a restart, or by any other use of the store. note: by a power cut or failover. */
  readonly severity: 'warning' | 'note'
  readonly message: string
  readonly hint: string
}

/**
 * Instances of sagas, indexed by saga and key, by due time, and by status. Never holds them in memory (but for `memory:`).
 * Rejects with BingoErrors; a store that is out of reach is `retryable`.
 */
export interface SagaStore {
  readonly description: string
  /**
   * The caller leads from now on, with the epoch that it gets: what a lower one saves is refused with BINGO_SAGA_FENCED. What
   * was on its way is due at once, since nobody knows what became of it.
   */
  claim(): Promise<number>
  /** In the order asked for; null: there is none. */
  load(refs: readonly SagaRef[]): Promise<readonly (SagaInstance | null)[]>
  /**
   * One transaction, durable when it resolves: the transitions with the definitions that new instances begin with. Answers
   * false where somebody else has changed an instance meanwhile; the others are saved. `epoch` null: an operator's, whose
   * changes any leader takes over.
   */
  save(
    transitions: readonly SagaTransition[],
    definitions: readonly SagaSource[],
    epoch: number | null,
  ): Promise<readonly boolean[]>
  /** The longest overdue first, up to `limit`. */
  due(now: number, limit: number): Promise<readonly SagaInstance[]>
  /** The earliest due time; null: nothing is due ever. */
  nextDue(): Promise<number | null>
  /** Of all instances that are stored. */
  definitions(): Promise<readonly SagaSource[]>
  list(filter: SagaFilter, page: SagaPage): Promise<SagaListing>
  counts(): Promise<readonly SagaCount[]>
  /** Ended instances, and definitions that no instance has any more; answers how many instances went. */
  removeEnded(endedBefore: number, limit: number): Promise<number>
  /** As far as the server tells; absent: none are known of this kind of store. */
  risks?(): Promise<readonly SagaStoreRisk[]>
  close(): Promise<void>
}
