import type { Log } from '../model/rule/action.ts'
import type { SagaStatus } from '../model/saga/instance.ts'
import type { SagaListing, SagaStore } from '../model/saga/store.ts'
import type { Journal } from './journal.ts'

const PAGE = 500
const OPEN: readonly SagaStatus[] = ['running', 'compensating', 'stuck']

export interface SetBackDeps {
  readonly store: SagaStore
  readonly journal: Journal
  readonly now: () => number
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * At the start: somebody has set the clock back since instances were written, which would be due too late by as much. All are
 * looked at, so that the journal corrects them. Those that started last or are due first show whether that was so.
 */
export async function followSetBack({ store, journal, now, log, signal }: SetBackDeps): Promise<void> {
  const newest = await store.list({}, { limit: 1, after: null })
  const soonest = await store.due(Number.MAX_SAFE_INTEGER, PAGE)
  const backMs = Math.max(0, ...[...newest.instances, ...soonest].map(({ updatedAt }) => updatedAt)) - now()
  if (backMs <= 0) return
  log.warn({ code: 'BINGO_SAGA_CLOCK', backMs }, 'the clock was set back; the timers of sagas follow it')
  for (let after: string | null = null; !signal.aborted;) {
    const page: SagaListing = await store.list({ status: OPEN }, { limit: PAGE, after })
    const later = page.instances.filter(({ updatedAt }) => updatedAt > now())
    await Promise.all(later.map((instance) => journal.apply(instance, { tag: 'tick' })))
    if (page.next === null) return
    after = page.next
  }
}
