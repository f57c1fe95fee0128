import { TargetQueues } from '../../src/deliver/deliveries.ts'
import { createPipeline } from '../../src/flow/pipeline.ts'
import { sourceEntry } from '../../src/flow/reading/reading.ts'
import { systemClock } from '../../src/model/clock.ts'
import { BingoError } from '../../src/model/errors.ts'
import { Change, type Transaction } from '../../src/model/event/change.ts'
import type { DeliveryFailure, Target } from '../../src/model/rule/action.ts'
import type { RuleSet } from '../../src/model/rule/rule-set.ts'
import type { RowIntake } from '../../src/model/source/intake.ts'
import { PauseReasons, type Source } from '../../src/model/source/source.ts'
import { SourceState } from '../../src/model/source/source-state.ts'
import { createStats } from '../../src/model/stats.ts'
import { SPOOL_PREFIX, type WaitingStore } from '../../src/model/delivery/waiting.ts'
import { MemoryDeadLetterStore } from '../../src/state/dead-letters/memory-store.ts'
import { silentLog, tableDef } from '../support/jobs.ts'

const COLUMNS = ['id', 'email', 'name', 'status', 'age', 'balance', 'note', 'score', 'created', 'updated']
const TABLE = tableDef(COLUMNS)
const PER_TRANSACTION = 100
const BUDGET_BYTES = 64 << 20

/** An INSERT of ten columns, as an application would have them. */
export function changeOf(id: number, transaction: Transaction, seq: number): Change {
  const row = {
    id,
    email: `user${id}@example.com`,
    name: `Name of user ${id}`,
    status: 0,
    age: 18 + (id % 60),
    balance: '14285.57',
    note: 'a short note about this user',
    score: id / 3,
    created: '2026-01-01 12:00:00.123',
    updated: '2026-01-01 12:00:00.123456',
  }
  return new Change(TABLE, 'insert', transaction, seq, null, row, null)
}

export function transactionOf(number: number): Transaction {
  const gtid = `3e11fa47-71ca-11e1-9e33-c80aa9429562:${number}`
  const timestampUs = Date.now() * 1_000
  return { id: gtid, gtid, file: 'binlog.000001', offset: number * 100, serverId: 1, timestampUs, query: null }
}

interface Position {
  readonly group: number
}

/** Hands in so many events when told to. */
class BenchSource implements Source<Position> {
  readonly name = 'bench'
  readonly positions = {
    print: ({ group }: Position) => String(group),
    parse: (text: string) => ({ group: Number(text) }),
  }
  readonly state = new SourceState()
  private wanted = 0
  private given = 0
  private wake: (() => void) | null = null
  private readonly pauses = new PauseReasons((paused) => {
    if (!paused) this.wake?.()
  })

  give(events: number): void {
    this.wanted += events
    this.wake?.()
  }

  get isDone(): boolean {
    return this.given >= this.wanted
  }

  pause(reason: object): void {
    this.pauses.pause(reason)
  }

  resume(reason: object): void {
    this.pauses.resume(reason)
  }

  rulesChanged(): void {}

  async run(into: RowIntake<Position>, _from: Position | null, signal: AbortSignal): Promise<void> {
    into.started({ group: 0 })
    for (let group = 1; !signal.aborted; group++) {
      if (this.pauses.paused || this.isDone) await this.rest(signal)
      // Packets of a socket come in turns of the event loop, some transactions at a time.
      else if (group % 10 === 0) await new Promise(setImmediate)
      if (signal.aborted) return
      const transaction = transactionOf(group)
      into.begin(transaction)
      const count = Math.min(PER_TRANSACTION, this.wanted - this.given)
      for (let seq = 0; seq < count; seq++) into.event(changeOf(this.given + seq, transaction, seq))
      this.given += count
      into.commit({ group })
    }
  }

  private async rest(signal: AbortSignal): Promise<void> {
    while ((this.pauses.paused || this.isDone) && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
    }
  }
}

/** The whole way of an event but its two ends: the rows are made here, and the target only counts. */
export class BenchPipeline implements AsyncDisposable {
  readonly stats = createStats(BUDGET_BYTES)
  readonly source = new BenchSource()
  /** Events that the target took, and when it took the first and the last of them. */
  taken = 0
  firstAtMs = 0
  lastAtMs = 0
  down = false
  private readonly abort = new AbortController()
  private readonly pipeline
  private readonly ended: Promise<void>

  constructor(ruleSet: RuleSet, waiting: WaitingStore) {
    const { stats, source } = this
    this.pipeline = createPipeline(
      {
        name: 'bench',
        lanes: 16,
        checkpointIntervalMs: 1_000,
        shutdownDeadlineMs: 10_000,
        epoch: 1,
        breakerEvents: 50,
      },
      {
        ruleSet,
        sources: [
          sourceEntry({
            source,
            positions: { description: 'nowhere', save: async () => undefined },
            start: { group: 0 },
          }),
        ],
        deliveries: (_run, hooks) =>
          new TargetQueues(
            {
              clock: systemClock,
              log: silentLog,
              stats,
              lanes: 16,
              logSends: null,
              spool: { afterMs: 1, maxBytes: 1e12 },
              deadLetters: new MemoryDeadLetterStore({ maxCount: 1e6, maxBytes: 1e9, maxAgeMs: Infinity }, systemClock),
              openTarget: async () => this.target(),
            },
            hooks,
          ),
        waiting,
        compileRowDecoder: () => () => 0,
        log: silentLog,
        stats,
        clock: systemClock,
      },
    )
    this.ended = this.pipeline.run(this.abort.signal)
  }

  reload(ruleSet: RuleSet): void {
    this.pipeline.reload(ruleSet)
  }

  /** Events overflow into the store. */
  get isSpooling(): boolean {
    return [...this.stats.waiting.lines.keys()].some((line) => line.startsWith(SPOOL_PREFIX))
  }

  /** Seconds until so many events are in, and nothing is in memory but what the target has to answer. */
  async write(events: number): Promise<number> {
    const startedAt = performance.now()
    const left = this.stats.budget.jobs
    this.source.give(events)
    while (!this.source.isDone || this.stats.budget.jobs > left) await pause()
    return (performance.now() - startedAt) / 1_000
  }

  /** Seconds between the first and the last of so many events that the target takes. */
  async drained(events: number): Promise<number> {
    while (this.taken < events || this.stats.budget.jobs > 0) await pause()
    return (this.lastAtMs - this.firstAtMs) / 1_000
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort.abort()
    await this.ended
  }

  private target(): Target {
    return {
      gather: 'all',
      maxBatch: 1_000,
      maxConcurrency: 4,
      send: async (jobs) => {
        if (this.down) return jobs.map(() => DOWN)
        if (this.taken === 0) this.firstAtMs = performance.now()
        this.taken += jobs.length
        this.lastAtMs = performance.now()
        return undefined
      },
      close: async () => undefined,
    }
  }
}

const DOWN: DeliveryFailure = { kind: 'down', error: new BingoError('BINGO_BENCH', 'made down', { retryable: true }) }

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2))
}
