import { StoredJobs, storedLines } from '../../src/flow/stored-jobs.ts'
import { systemClock, type Clock } from '../../src/model/clock.ts'
import type { InFlightJob } from '../../src/model/delivery/in-flight-job.ts'
import type { WaitingStore } from '../../src/model/delivery/waiting.ts'
import type { StoredLines } from '../../src/model/delivery/stored-lines.ts'
import type { RuleSet } from '../../src/model/rule/rule-set.ts'
import { createStats } from '../../src/model/stats.ts'
import { MemoryWaitingStore } from '../../src/state/waiting/memory-store.ts'
import { WaitingLines } from '../../src/waiting/lines.ts'
import type { Replay } from '../../src/waiting/replay-mark.ts'
import { silentLog } from './jobs.ts'

export interface MemoryLines {
  readonly store: WaitingStore
  readonly lines: WaitingLines
  readonly storedJobs: StoredJobs
  readonly storedLines: StoredLines
}

export interface MemoryLinesOptions {
  readonly lanes?: number
  readonly clock?: Clock
  readonly store?: WaitingStore
  readonly stored?: (job: InFlightJob) => void
  readonly charge?: (job: InFlightJob) => void
  readonly replay?: Replay
}

/** Lines of waiting events, and the jobs made of them, over a store in memory. */
export function memoryLines(ruleSet: RuleSet, options: MemoryLinesOptions = {}): MemoryLines {
  const { lanes = 1, clock = systemClock, store = new MemoryWaitingStore(), stored, charge } = options
  const lines = new WaitingLines({
    store,
    clock,
    log: silentLog,
    state: createStats(1).waiting,
    signal: new AbortController().signal,
    replay: options.replay,
    stored: (job) => {
      job.end()
      stored?.(job)
    },
  })
  const storedJobs = new StoredJobs({
    lanes,
    ruleSet,
    charge: (job) => charge?.(job),
    orphaned: () => Promise.resolve(),
  })
  return { store, lines, storedJobs, storedLines: storedLines(lines, storedJobs) }
}
