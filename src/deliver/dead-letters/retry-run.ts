import type { Clock } from '../../model/clock.ts'
import type { DeliveryFailure } from '../../model/rule/action.ts'
import type { DeadLetter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { RemovalQueue } from '../../state/dead-letters/removal-queue.ts'
import { countOf, planNewcomers } from './retry-plan.ts'
import type { RetryPlan, RetryRow } from './retry-plan.ts'

/** Rows under way at once; the entries of one row go one after the other. */
const ROWS_AT_ONCE = 64
/** Entries of a row read at once. */
const PAGE = 100

export interface RetryRunDeps {
  readonly store: DeadLetterStore
  /** Resolves to why the target did not take it, or null when it did. */
  readonly send: (letter: DeadLetter) => Promise<DeliveryFailure | null>
  /** Entries that were sent have left the store. */
  readonly onRemoved: (ids: readonly string[]) => Promise<void>
  /** Ends the run: entries that were sent are removed, nothing more is sent. */
  readonly signal: AbortSignal
  readonly onResult: (letter: DeadLetter, failure: DeliveryFailure | null) => void
  /** More entries came to the rows while they were sent. */
  readonly onMore: (count: number) => void
  /** The system's, unless time is simulated. */
  readonly clock?: Pick<Clock, 'after'>
}

/**
 * Sends dead letters again, beside a running daemon or without one. The entries of a parked row go first, in order; what
 * the daemon parks behind them meanwhile follows; when the last one is gone, the row is free and the daemon goes on with
 * it (invariant 2). An entry is removed when the target has taken it: a kill in between sends it again, with the same id.
 */
export class RetryRun {
  private readonly deps: RetryRunDeps
  private readonly removals: RemovalQueue

  constructor(deps: RetryRunDeps) {
    this.deps = deps
    this.removals = new RemovalQueue(deps.store, deps.onRemoved, deps.clock)
  }

  /** Resolves when all rows were sent or have failed. */
  async run(first: RetryPlan): Promise<void> {
    for (let rows = first; rows.size > 0 && !this.deps.signal.aborted;) {
      const finished = await this.sendRows(rows)
      await this.removals.done()
      rows = await planNewcomers(this.deps.store, finished)
      if (rows.size > 0) this.deps.onMore(countOf(rows))
    }
  }

  /** Answers the parked rows of which every entry was taken. */
  private async sendRows(rows: RetryPlan): Promise<Set<string>> {
    const finished = new Set<string>()
    const next = rows.entries()
    const work = async (): Promise<void> => {
      for (const [name, row] of next) {
        if (this.deps.signal.aborted) return
        if ((await this.sendRow(row)) && row.parked) finished.add(name)
      }
    }
    await Promise.all(Array.from({ length: Math.min(ROWS_AT_ONCE, rows.size) }, () => work()))
    return finished
  }

  /** False when an entry was not taken: what comes after it in its row waits for it. */
  private async sendRow(row: RetryRow): Promise<boolean> {
    const ids = [...row.ids]
    for (let from = 0; from < ids.length; from += PAGE) {
      for await (const letter of this.deps.store.list({ ids: ids.slice(from, from + PAGE) })) {
        if (this.deps.signal.aborted) return false
        const failure = await this.deps.send(letter)
        if (failure !== null && this.deps.signal.aborted) return false
        this.deps.onResult(letter, failure)
        if (failure !== null) return false
        await this.removals.add(letter.id)
      }
    }
    return true
  }
}
