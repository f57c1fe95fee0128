import { TargetQueues } from '../../../src/deliver/deliveries.ts'
import { Lookups } from '../../../src/deliver/lookups/lookups.ts'
import type { PositionStore } from '../../../src/flow/checkpoint/position-store.ts'
import { createPipeline } from '../../../src/flow/pipeline.ts'
import { sourceEntry } from '../../../src/flow/reading/reading.ts'
import type { Clock } from '../../../src/model/clock.ts'
import { NO_GAPS } from '../../../src/model/event/gap.ts'
import type { Target } from '../../../src/model/rule/action.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import type { Source } from '../../../src/model/source/source.ts'
import type { StateStore } from '../../../src/model/state/state.ts'
import { createStats, type Stats } from '../../../src/model/stats.ts'
import { CounterRecord } from '../../../src/state/counters/counter-record.ts'
import { MemoryDeadLetterStore } from '../../../src/state/dead-letters/memory-store.ts'
import { MemoryWaitingStore } from '../../../src/state/waiting/memory-store.ts'
import { silentLog } from '../../support/jobs.ts'

const BUDGET_BYTES = 64_000_000
const ROOMY = { maxCount: 1_000_000, maxBytes: 1_000_000_000, maxAgeMs: Infinity }

export interface IncarnationOptions {
  readonly name: string
  readonly clock: Clock
  readonly epoch: number
  readonly lanes: number
  readonly rules: RuleSet
  readonly source: Source<object>
  readonly positions: PositionStore
  /** As the source prints it; null: a first start. */
  readonly start: string | null
  readonly state: StateStore
  readonly openTarget: () => Target
}

/** One run of a pipeline, from its start to its end. */
export class Incarnation {
  readonly stats: Stats = createStats(BUDGET_BYTES)
  /** Null while it runs; then why it ended. */
  end: { readonly error: unknown } | null = null
  private readonly abort = new AbortController()

  constructor(options: IncarnationOptions) {
    const { name, clock, epoch, lanes, rules, source, positions, start, state } = options
    const { stats } = this
    const pipeline = createPipeline(
      { name, lanes, checkpointIntervalMs: 20, shutdownDeadlineMs: 3_000, epoch, breakerEvents: 6 },
      {
        ruleSet: rules,
        sources: [
          sourceEntry({
            source,
            positions,
            start: start === null ? null : source.positions.parse(start),
            gaps: NO_GAPS,
            counters: { store: new CounterRecord(state, name, source.name), at: start },
          }),
        ],
        deliveries: (_run, hooks) =>
          new TargetQueues(
            {
              clock,
              log: silentLog,
              stats,
              lanes,
              logSends: null,
              spool: { afterMs: Infinity, maxBytes: 0 },
              pausedSince: () => 0,
              deadLetters: new MemoryDeadLetterStore(ROOMY, clock),
              openTarget: () => Promise.resolve(options.openTarget()),
            },
            hooks,
          ),
        lookups: new Lookups({
          open: () => {
            throw new Error('no rule looks anything up')
          },
          clock,
          log: silentLog,
          budget: stats.budget,
          whenDown: 'wait',
        }),
        waiting: new MemoryWaitingStore(),
        compileRowDecoder: () => () => 0,
        log: silentLog,
        stats,
        clock,
      },
    )
    pipeline.run(this.abort.signal).then(
      () => (this.end = { error: undefined }),
      (error: unknown) => (this.end = { error }),
    )
  }

  stop(): void {
    this.abort.abort()
  }
}
