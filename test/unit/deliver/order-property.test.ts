import { expect, test } from 'vitest'
import { MemoryDeadLetterStore } from '../../../src/state/dead-letters/memory-store.ts'
import { planRetry } from '../../../src/deliver/dead-letters/retry-plan.ts'
import { RetryRun } from '../../../src/deliver/dead-letters/retry-run.ts'
import { BackPressure } from '../../../src/flow/back-pressure.ts'
import type { DeliveryFailure, Target } from '../../../src/model/rule/action.ts'
import type { ActionPlan } from '../../../src/model/rule/rule.ts'
import type { Clock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import { PauseReasons } from '../../../src/model/source/source.ts'
import { createStats } from '../../../src/model/stats.ts'
import { Router } from '../../../src/flow/router.ts'
import { TargetQueues } from '../../../src/deliver/deliveries.ts'
import { action, change, CountingHold, seqOf, silentLog, tableDef, transaction } from '../../support/jobs.ts'
import { memoryLines, type MemoryLines } from '../../support/waiting.ts'
import { fc } from '../../support/properties.ts'
import { Life, SimClock } from '../../simulation/sim-clock.ts'

const LANES = 3
const JOB_BYTES = 100
/** A target that is down is probed each few seconds: an hour of the simulated time is for what never ends. */
const HANGS_AFTER_MS = 3_600_000
/** Between two looks of who waits for something. */
const LOOK_MS = 10
const ROOMY = { maxCount: 1_000_000, maxBytes: 1_000_000_000, maxAgeMs: Infinity }
const A = { id: 'a', type: 'fake', options: {} }
const B = { id: 'b', type: 'fake', options: {} }
/** Tries again at once: the property is about order, not about waiting. */
const common = { onFailure: 'park' as const, retry: { attempts: 2, maxAgeMs: 60_000, minMs: 0, maxMs: 1 } }

const DELAYS = [4, 0, 12]
const WINDOWS = [{ windowMs: 2, maxWaitMs: 6, maxBatch: 8 }, null, { windowMs: 9, maxWaitMs: 9, maxBatch: 3 }]

/** The rules after so many reloads: their delays and windows get shorter, longer, vanish and come back. */
function plans(version: number): readonly ActionPlan[] {
  const delayMs = DELAYS[version % DELAYS.length]!
  const debounce = WINDOWS[version % WINDOWS.length]!
  const other = WINDOWS[(version + 1) % WINDOWS.length]!
  return [
    action({ ...common, target: A }, { id: 'plain' }),
    action({ ...common, target: A }, { id: 'delayed', delayMs, debounce: other }),
    action({ ...common, target: B, ratePerSecond: 400 }, { id: 'rated' }),
    action({ ...common, target: B }, { id: 'gathered', debounce }),
  ]
}

type Answer = 'ok' | 'down' | 'unknown' | 'poison'

interface History {
  /** Row and rule of each change, in commit order. */
  readonly changes: readonly { readonly key: number; readonly rule: number }[]
  readonly answers: readonly Answer[]
  readonly gather: Target['gather']
  /** Retries of dead letters that go on beside the changes. */
  readonly retries: number
  /** Of the budget, in jobs. */
  readonly budget: number
  /** Rules are loaded anew before these changes; the next so many were matched by the old ones. */
  readonly reloads: readonly { readonly before: number; readonly late: number }[]
}

const histories: fc.Arbitrary<History> = fc.record({
  changes: fc.array(fc.record({ key: fc.nat(4), rule: fc.nat(3) }), { minLength: 1, maxLength: 80 }),
  answers: fc.array(
    fc.oneof(
      { weight: 20, arbitrary: fc.constant<Answer>('ok') },
      { weight: 4, arbitrary: fc.constantFrom<Answer>('unknown', 'poison') },
      { weight: 1, arbitrary: fc.constant<Answer>('down') },
    ),
    { minLength: 1, maxLength: 60 },
  ),
  gather: fc.constantFrom('all' as const, 'lane' as const),
  retries: fc.nat(4),
  budget: fc.integer({ min: 5, max: 60 }),
  reloads: fc.array(fc.record({ before: fc.nat(79), late: fc.nat(5) }), { maxLength: 4 }),
})

/** A small world of two targets, a store of dead letters, and a note of what arrived last for each row and rule. */
class World {
  readonly arrived = new Map<string, number[]>()
  private readonly time = new SimClock()
  private readonly clock: Clock = this.time.of(new Life())
  readonly store = new MemoryDeadLetterStore(ROOMY, this.clock)
  private readonly history: History
  private readonly abort = new AbortController()
  private readonly stats
  private readonly backPressure: BackPressure
  private readonly router: Router
  private readonly queues: TargetQueues
  private calls = 0
  private paused = false
  private healed = false
  private readonly waiting: MemoryLines

  constructor(history: History) {
    this.history = history
    this.stats = createStats(history.budget * JOB_BYTES)
    const sources = new PauseReasons((paused) => void (this.paused = paused))
    this.backPressure = new BackPressure({
      budget: this.stats.budget,
      log: silentLog,
      clock: this.clock,
      sources,
      waiting: this.stats.waiting,
    })
    const superseded = (job: InFlightJob) => this.backPressure.release(job)
    const noLookups = { prepare: () => Promise.resolve(), skipped: superseded }
    const ruleStats = {
      matchedTotal: 0,
      actionsTotal: 0,
      deliveredTotal: 0,
      coalescedTotal: 0,
      errorsTotal: 0,
      deadLettersTotal: 0,
    }
    const waiting = memoryLines(ruleSet(plans(0)), {
      lanes: LANES,
      clock: this.clock,
      stored: superseded,
      charge: (job) => this.backPressure.charge(job),
    })
    this.waiting = waiting
    this.queues = new TargetQueues(
      {
        clock: this.clock,
        log: silentLog,
        logSends: null,
        lanes: LANES,
        deadLetters: this.store,
        stats: this.stats,
        openTarget: () => Promise.resolve(this.target()),
        spool: { afterMs: 30_000, maxBytes: 1_000_000 },
      },
      {
        signal: this.abort.signal,
        ruleStats: () => ruleStats,
        ended: (job) => this.backPressure.release(job),
        unloaded: superseded,
        prepare: () => undefined,
        hasRoom: () => true,
        lines: waiting.storedLines,
      },
    )
    const deps = {
      clock: this.clock,
      deliveries: this.queues,
      superseded,
      hasRoom: () => true,
      ...waiting,
      ...noLookups,
    }
    this.router = new Router(deps, ruleSet(plans(0)))
  }

  /** Everything from the first change to the last delivery, however long that takes in simulated time. */
  async live(holds: readonly CountingHold[]): Promise<void> {
    let hasEnded = false
    const living = (async () => {
      await this.queues.open(this.abort.signal)
      await Promise.all([this.feed(holds), this.retries()])
      await this.heal()
      await this.close()
    })().finally(() => (hasEnded = true))
    living.catch(() => undefined)
    const isOver = await this.time.run(() => hasEnded, HANGS_AFTER_MS)
    if (!isOver)
      throw new Error(`it hangs: ${this.stats.budget.jobs} jobs and ${await this.store.count()} dead letters`)
    await living
  }

  private async feed(holds: readonly CountingHold[]): Promise<void> {
    let versions = 1
    let rules = plans(0)
    let current = rules
    let late = 0
    for (const [seq, { key, rule }] of this.history.changes.entries()) {
      while (this.paused) await this.clock.sleep(LOOK_MS)
      for (const reload of this.history.reloads.filter(({ before }) => before === seq)) {
        current = plans(versions++)
        this.waiting.storedJobs.useRules(ruleSet(current))
        this.router.useRules(ruleSet(current))
        late = reload.late
      }
      if (late === 0) rules = current
      else late -= 1
      const tx = { ...transaction(seq), timestampUs: this.clock.now() * 1_000 }
      const at = change('update', { id: key, status: 0 }, { id: key, status: 1 }, seq, tableDef(), tx)
      const job = new InFlightJob(rules[rule]!, at, `key:${key}`, key % LANES, JOB_BYTES, holds[seq]!, null)
      this.backPressure.charge(job)
      this.router.route(job)
      this.backPressure.check()
      if (seq % 5 === 0) await this.clock.sleep(0)
    }
  }

  private async retries(): Promise<void> {
    for (let i = 0; i < this.history.retries; i++) {
      await this.clock.sleep(3)
      await this.retry()
    }
  }

  /** `bingo dead-letters retry --all`, while everything else goes on. */
  private async retry(): Promise<void> {
    await using _lease = await this.store.lease()
    const run = new RetryRun({
      store: this.store,
      send: async ({ event, ruleId, rowKey }) => {
        if (this.calls % 3 === 0) await this.clock.sleep(1)
        return this.answer(ruleId, rowKey, event.seq)
      },
      signal: this.abort.signal,
      onResult: () => undefined,
      onRemoved: () => Promise.resolve(),
      onMore: () => undefined,
      clock: this.clock,
    })
    await run.run(await planRetry(this.store, {}))
  }

  /** From now on every target takes everything; resolves when nothing waits any more. */
  private async heal(): Promise<void> {
    this.healed = true
    const busy = async () => this.stats.budget.jobs > 0 || (await this.store.count()) > 0
    while (await busy()) {
      await this.retry()
      await this.clock.sleep(LOOK_MS)
    }
  }

  private async close(): Promise<void> {
    this.abort.abort()
    this.router.stopDelays()
    this.backPressure.stop()
    await this.queues.close()
  }

  private target(): Target {
    return {
      gather: this.history.gather,
      maxBatch: 50,
      maxConcurrency: 2,
      send: async (jobs) => {
        if (this.calls % 4 === 0) await this.clock.sleep(1)
        const results = jobs.map((job) => this.answer(job.action.rule.id, job.key, seqOf(job)))
        return results.every((result) => result === null) ? undefined : results
      },
      close: () => Promise.resolve(),
    }
  }

  private answer(rule: string, row: string, seq: number): DeliveryFailure | null {
    const { answers } = this.history
    const answer = this.healed || this.calls > 400 ? 'ok' : answers[this.calls % answers.length]!
    this.calls += 1
    if (answer !== 'ok') return { kind: answer, error: new BingoError('BINGO_TEST', `made ${answer}`) }
    const key = `${rule} ${row}`
    this.arrived.set(key, [...(this.arrived.get(key) ?? []).filter((each) => each !== seq), seq])
    return null
  }
}

function ruleSet(actions: readonly ActionPlan[]): RuleSet {
  return { rules: actions.map(({ rule }) => rule), files: [] }
}

test('with delays, windows, rates, reloads, two targets, a small budget and retries, each row keeps its order', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const world = new World(history)
      const holds = history.changes.map(() => new CountingHold())
      await world.live(holds)
      const expected = new Map<string, number[]>()
      const names = plans(0).map((plan) => plan.rule.id)
      for (const [seq, { key, rule }] of history.changes.entries()) {
        const name = `${names[rule]!} shop\0users\0${key}`
        expected.set(name, [...(expected.get(name) ?? []), seq])
      }
      expect(Object.fromEntries(world.arrived)).toEqual(Object.fromEntries(expected))
      expect(holds.filter((hold) => hold.released !== 1)).toEqual([])
      expect(await world.store.count()).toBe(0)
    }),
    { numRuns: Number(process.env['BINGO_ORDER_RUNS'] ?? 100), endOnFailure: true },
  )
})
