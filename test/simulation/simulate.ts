import { TargetQueues } from '../../src/deliver/deliveries.ts'
import { Lookups } from '../../src/deliver/lookups/lookups.ts'
import { createPipeline } from '../../src/flow/pipeline.ts'
import type { Pipeline } from '../../src/flow/pipeline-contract.ts'
import { sourceEntry } from '../../src/flow/reading/reading.ts'
import type { Target } from '../../src/model/rule/action.ts'
import { NO_GAPS } from '../../src/model/event/gap.ts'
import { createStats, type Stats } from '../../src/model/stats.ts'
import { CounterRecord } from '../../src/state/counters/counter-record.ts'
import { silentLog } from '../support/jobs.ts'
import { randomHistory, type HistoryShape } from './history.ts'
import { BrokenInvariant, Ledger } from './ledger.ts'
import { Random } from './random.ts'
import { Life, SimClock } from './sim-clock.ts'
import { KINDS, rulesOf } from './sim-rules.ts'
import { simulatedServer } from './sim-lookups.ts'
import { SimSource } from './sim-source.ts'
import { Receiver } from './sim-target.ts'
import { DurableState } from './stores.ts'

const LANES = 3
/** Place of the rule that every other reload breaks. */
const RENAMED = KINDS.findIndex(({ id }) => id === 'renamed')
const HOUR_MS = 3_600_000
/** What a transaction in the middle of which reading pauses may bring beyond the budget. */
const SLACK_BYTES = 2_000_000

export interface SimulationReport {
  readonly changes: number
  readonly effects: number
  readonly crashes: number
  readonly virtualMs: number
}

/** One process of the daemon. */
interface Incarnation {
  readonly life: Life
  readonly pipeline: Pipeline
  readonly stats: Stats
  readonly abort: AbortController
  /** Null while it runs; then why it ended. */
  end: { readonly error: unknown } | null
}

/**
 * A whole pipeline in virtual time, its transactions, faults, reloads, crashes and takeovers decided by `seed`. Rejects
 * with BrokenInvariant where a promise of flow/pipeline.ts is broken.
 */
export async function simulate(seed: number, shape: HistoryShape = { groups: 60, rows: 6 }): Promise<SimulationReport> {
  const random = Math.random
  // Jitter of retries.
  const jitter = new Random(seed ^ 0x5eed)
  Math.random = () => jitter.next()
  try {
    return await new World(seed, shape).run()
  } finally {
    Math.random = random
  }
}

class World {
  private readonly random: Random
  private readonly clock = new SimClock()
  private readonly history
  private readonly ledger: Ledger
  private readonly state: DurableState
  private readonly receivers: ReadonlyMap<string, Receiver>
  private readonly budget: number
  private readonly spool: { readonly afterMs: number; readonly maxBytes: number }
  private reloads = 0
  private epoch = 0
  private crashes = 0
  private current: Incarnation

  constructor(seed: number, shape: HistoryShape) {
    this.random = new Random(seed)
    this.history = randomHistory(new Random(seed + 1_000_000), shape)
    this.ledger = new Ledger(this.history)
    this.state = new DurableState(new Random(seed + 2_000_000), this.ledger)
    this.receivers = new Map(
      ['a', 'b', 'c'].map((id, i) => [id, new Receiver(id, new Random(seed + 3_000_000 + i), this.ledger)]),
    )
    this.budget = this.random.pick([2_000_000, 4_000_000, 64_000_000])
    this.spool = {
      afterMs: this.random.pick([30, 400, 3_000]),
      maxBytes: this.random.pick([1_000, 20_000, 1_000_000]),
    }
    this.current = this.start()
  }

  async run(): Promise<SimulationReport> {
    const faults = this.random.int(0, 8)
    for (let i = 0; i < faults; i++) {
      await this.pass(this.random.int(1, this.random.pick([50, 400, 3_000])))
      await this.fault()
    }
    this.state.healed = true
    for (const receiver of this.receivers.values()) receiver.heal()
    for (const target of this.state.paused.keys()) this.pauseOrResume(target)
    // To rules of which none is broken.
    this.reloads += this.reloads % 2 === RENAMED % 2 ? 2 : 1
    this.current.pipeline.reload(rulesOf(this.reloads, this.random))
    await this.finish()
    const virtualMs = this.clock.monotonicMs
    const changes = this.history.reduce((count, group) => count + group.changes.length, 0)
    return { changes, effects: this.ledger.effects, crashes: this.crashes, virtualMs }
  }

  /** Everything comes to its end by itself (invariant 7). */
  private async finish(): Promise<void> {
    const idle = (): boolean => {
      this.check()
      const { stats } = this.current
      return stats.budget.jobs === 0 && this.ledger.nothingWaits && this.state.position?.group === this.history.length
    }
    if (!(await this.clock.run(idle, this.clock.monotonicMs + HOUR_MS))) {
      const { jobs } = this.current.stats.budget
      throw new BrokenInvariant(
        `invariant 7: an hour after healing ${jobs} jobs are in flight, the checkpoint stands at ${this.state.position?.group} of ${this.history.length}`,
      )
    }
    this.ledger.ended()
    this.check()
    await this.stop()
  }

  private async fault(): Promise<void> {
    switch (this.random.int(0, 8)) {
      case 0:
        this.kill(this.current)
        this.current = this.start()
        break
      case 8:
        // Once more in the middle of the replay.
        this.kill(this.current)
        this.current = this.start()
        await this.pass(this.random.int(1, 60))
        this.kill(this.current)
        this.current = this.start()
        break
      case 1:
        await this.stop()
        this.current = this.start()
        break
      case 2:
        await this.takeOver()
        break
      case 3:
        this.clock.wallOffsetMs += this.random.pick([-HOUR_MS, -5_000, 5_000, HOUR_MS])
        break
      case 4:
      case 5:
        this.pauseOrResume(this.random.pick([...this.receivers.keys()]))
        break
      default:
        this.reloads += 1
        this.current.pipeline.reload(rulesOf(this.reloads, this.random))
    }
  }

  private pauseOrResume(target: string): void {
    const { paused } = this.state
    if (!paused.delete(target)) paused.set(target, this.clock.wallOffsetMs)
    this.current.pipeline.setTargetPaused(target, paused.get(target) ?? 0)
  }

  private kill({ life }: Incarnation): void {
    life.alive = false
    this.crashes += 1
  }

  private async stop(): Promise<void> {
    const { current } = this
    current.abort.abort()
    if (!(await this.clock.run(() => current.end !== null, this.clock.monotonicMs + HOUR_MS))) {
      throw new BrokenInvariant('a stop does not end')
    }
    this.check()
    current.life.alive = false
  }

  /** The process stands still, another one leads, and the first one wakes up behind it. */
  private async takeOver(): Promise<void> {
    const former = this.current
    former.life.frozen = true
    this.crashes += 1
    this.current = this.start()
    await this.pass(this.random.int(1, 500))
    former.life.frozen = false
    await this.pass(this.random.int(1, 500))
    former.life.alive = false
  }

  private async pass(ms: number): Promise<void> {
    const until = this.clock.monotonicMs + ms
    await this.clock.run(() => {
      this.check()
      return false
    }, until)
  }

  private check(): void {
    if (this.ledger.violation !== null) throw this.ledger.violation
    const { stats, end } = this.current
    if (end !== null && end.error !== undefined) throw end.error
    if (stats.budget.bytes > this.budget + SLACK_BYTES) {
      throw new BrokenInvariant(`invariant 6: ${stats.budget.bytes} bytes in flight of ${this.budget}`)
    }
  }

  private start(): Incarnation {
    const life = new Life()
    const clock = this.clock.of(life)
    const epoch = ++this.epoch
    const stats = createStats(this.budget)
    const stored = this.state.position
    this.ledger.began(epoch, stored?.group ?? 0)
    const source = new SimSource(this.history, new Random(this.random.int(0, 2 ** 31)), clock)
    const pipeline = createPipeline(
      { name: 'simulated', lanes: LANES, checkpointIntervalMs: 20, shutdownDeadlineMs: 3_000, epoch, breakerEvents: 6 },
      {
        ruleSet: rulesOf(this.reloads, this.random),
        sources: [
          sourceEntry({
            source,
            positions: this.state.positions(clock),
            start: stored === null ? null : { group: stored.group },
            gaps: stored?.gaps ?? NO_GAPS,
            counters: {
              store: new CounterRecord(this.state.state(clock), 'simulated', 'simulated'),
              at: stored === null ? null : String(stored.group),
            },
          }),
        ],
        deliveries: (_run, hooks) =>
          new TargetQueues(
            {
              clock,
              log: silentLog,
              stats,
              lanes: LANES,
              logSends: null,
              spool: this.spool,
              pausedSince: (target) => this.state.paused.get(target) ?? 0,
              deadLetters: this.state.letters(clock, () => epoch === this.epoch),
              openTarget: async ({ id }) => {
                await clock.sleep(this.random.int(0, 20))
                return this.fenced(id, this.receivers.get(id)!.open(clock, epoch), epoch)
              },
            },
            hooks,
          ),
        lookups: new Lookups({
          open: () => simulatedServer(this.random, clock, () => this.state.healed),
          clock,
          log: silentLog,
          budget: stats.budget,
          whenDown: 'wait',
        }),
        waiting: this.state.waiting(clock, () => epoch === this.epoch),
        compileRowDecoder: () => () => 0,
        log: silentLog,
        stats,
        clock,
      },
    )
    const abort = new AbortController()
    const incarnation: Incarnation = { life, pipeline, stats, abort, end: null }
    pipeline.run(abort.signal).then(
      () => (incarnation.end = { error: undefined }),
      (error: unknown) => (incarnation.end = { error }),
    )
    return incarnation
  }

  /** What a process that was replaced sends arrives nowhere. */
  private fenced(id: string, target: Target, epoch: number): Target {
    return {
      ...target,
      send: (jobs, signal) => {
        if (epoch !== this.epoch) return new Promise(() => undefined)
        if (this.state.paused.has(id)) this.ledger.sentWhilePaused(id)
        return target.send(jobs, signal)
      },
    }
  }
}
