import { TargetQueues } from '../../src/deliver/deliveries.ts'
import { RuleCounters } from '../../src/flow/rule-counters.ts'
import type { InFlightJob } from '../../src/model/delivery/in-flight-job.ts'
import type { RuleSet } from '../../src/model/rule/rule-set.ts'
import type { Stats } from '../../src/model/stats.ts'
import { systemClock } from '../../src/model/clock.ts'
import { MemoryDeadLetterStore } from '../../src/state/dead-letters/memory-store.ts'
import { silentLog } from './jobs.ts'
import { memoryLines } from './waiting.ts'

type Deps = ConstructorParameters<typeof TargetQueues>[0]

export interface QueuesOptions extends Partial<Deps> {
  readonly rules: RuleSet
  readonly stats: Stats
  readonly openTarget: Deps['openTarget']
  /** A job was written to the store of what waits. */
  readonly stored?: (job: InFlightJob) => void
  /** A job has ended; it is told so behind it. */
  readonly ended?: (job: InFlightJob) => void
}

export interface OpenQueues {
  readonly queues: TargetQueues
  close(): Promise<void>
}

/** Queues of targets with room for everything, whose jobs are ended at once, and which keep what waits in memory. */
export async function openQueues({ rules, stored, ended, ...given }: QueuesOptions): Promise<OpenQueues> {
  const abort = new AbortController()
  const counters = new RuleCounters(given.stats)
  const clock = given.clock ?? systemClock
  const lines = memoryLines(rules, { clock, stored: (job) => (queues.stored(job), stored?.(job)) })
  const queues: TargetQueues = new TargetQueues(
    {
      lanes: 2,
      spool: { afterMs: 60_000, maxBytes: 1_000_000 },
      deadLetters: new MemoryDeadLetterStore({ maxCount: 1_000, maxBytes: 1_000_000, maxAgeMs: Infinity }),
      clock,
      log: silentLog,
      logSends: null,
      ...given,
    },
    {
      signal: abort.signal,
      ended: (job) => ended?.(job),
      ruleStats: (id) => counters.of(id),
      unloaded: () => undefined,
      prepare: () => undefined,
      hasRoom: () => true,
      lines: lines.storedLines,
    },
  )
  await queues.open(abort.signal)
  queues.prepare(rules)
  return {
    queues,
    close: async () => {
      queues.stopLoading()
      abort.abort()
      await queues.close()
    },
  }
}
