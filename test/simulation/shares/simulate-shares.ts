import type { StoredPosition } from '../../../src/flow/checkpoint/position-store.ts'
import type { Clock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { DeliveryFailure, Target } from '../../../src/model/rule/action.ts'
import type { Rule } from '../../../src/model/rule/rule.ts'
import type { Source } from '../../../src/model/source/source.ts'
import { AppendTarget } from '../../../src/scale/append-target.ts'
import { StoredFrontiers } from '../../../src/scale/frontiers.ts'
import { readerRule } from '../../../src/scale/reader-rule.ts'
import { shareRules } from '../../../src/scale/share-rules.ts'
import { ShareSource } from '../../../src/scale/share-source.ts'
import { Shapes } from '../../../src/scale/shapes.ts'
import { silentLog } from '../../support/jobs.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import { randomHistory, type HistoryShape } from '../history.ts'
import { BrokenInvariant } from '../ledger.ts'
import { Random } from '../random.ts'
import { Life, SimClock } from '../sim-clock.ts'
import { SimSource } from '../sim-source.ts'
import { Incarnation } from './incarnation.ts'
import { ShareLedger, type Holder } from './share-ledger.ts'
import { away, SimLog } from './sim-log.ts'

const SHARES = 4
const WORKERS = 3
const LANES = 2
/** In virtual time. */
const HEAL_MS = 120_000

/** One is ordered by row, the other by a column that changes with every UPDATE: its shares meet all the time. */
const RULES = `rules:
  - id: rows
    table: shop.users
    events: [INSERT, UPDATE, DELETE, TRUNCATE]
    onFailure: block
    actions: [{type: redis, cmd: RPUSH, key: rows, value: "{{event.id}}"}]
  - id: moves
    table: shop.users
    events: [INSERT, UPDATE, DELETE]
    key: "{{v}}"
    onFailure: block
    actions: [{type: redis, cmd: RPUSH, key: moves, value: "{{event.id}}"}]
`

export interface SharesReport {
  readonly changes: number
  readonly effects: number
  readonly moves: number
  readonly crashes: number
}

/** A process that takes part: what it holds dies and stands still with it. */
class Worker {
  readonly life = new Life()
}

interface Held {
  readonly worker: Worker
  readonly holder: Holder
  readonly run: Incarnation
}

/**
 * A reader, a log in the middle, and shares that move between workers at moments that `seed` decides: given back, taken over
 * from one that died, or from one that stands still and wakes up behind its successor. Rejects with BrokenInvariant.
 */
export async function simulateShares(
  seed: number,
  shape: HistoryShape = { groups: 40, rows: 6 },
): Promise<SharesReport> {
  const random = Math.random
  const jitter = new Random(seed ^ 0x5eed)
  Math.random = () => jitter.next()
  try {
    return await new SharedWorld(seed, shape).run()
  } finally {
    Math.random = random
  }
}

class SharedWorld {
  private readonly random: Random
  private readonly clock = new SimClock()
  private readonly rules: readonly Rule[] = rulesFrom(RULES)
  private readonly history
  private readonly ledger: ShareLedger
  private readonly log: SimLog
  /** By share, and last the reader: the stored checkpoint. */
  private readonly stored: (StoredPosition | null)[] = Array.from({ length: SHARES + 1 }, () => null)
  private readonly terms: number[] = Array.from({ length: SHARES + 1 }, () => 0)
  /** Whose last attempt to store a checkpoint failed. */
  private readonly unsaved = new Set<string>()
  private workers: readonly Worker[] = Array.from({ length: WORKERS }, () => new Worker())
  private readonly held: Held[] = []
  private reader: Held
  private moves = 0
  private crashes = 0

  constructor(seed: number, shape: HistoryShape) {
    this.random = new Random(seed)
    this.history = randomHistory(new Random(seed + 1_000_000), shape)
    this.log = new SimLog(SHARES, new Random(seed + 2_000_000))
    this.ledger = new ShareLedger(this.history, this.rules, this.log)
    this.log.onTrim = (share, upTo) => {
      if (upTo > placeOf(this.stored[share])) this.ledger.broken(1, `share ${share} was trimmed up to ${upTo}`)
    }
    this.reader = this.startReader()
    for (let share = 0; share < SHARES; share++) this.held.push(this.startShare(share, this.someWorker()))
  }

  async run(): Promise<SharesReport> {
    const faults = this.random.int(2, 14)
    for (let i = 0; i < faults; i++) {
      await this.pass(this.random.int(1, this.random.pick([30, 200, 1_500])))
      await this.fault()
    }
    this.log.healed = true
    await this.finish()
    return { changes: this.ledger.count, effects: this.ledger.effects, moves: this.moves, crashes: this.crashes }
  }

  private async finish(): Promise<void> {
    const isOver = (): boolean => {
      this.check()
      // What a reader that came after a crash has appended once more is sent to its end.
      const areThrough = this.held.every((_, share) => placeOf(this.stored[share]) >= this.log.lastPlace(share))
      return areThrough && this.ledger.allDone && Number(this.stored[SHARES]?.position ?? 0) === this.history.length
    }
    if (!(await this.clock.run(isOver, this.clock.monotonicMs + HEAL_MS))) {
      this.ledger.ended()
      this.check()
      throw new BrokenInvariant('invariant 7: two minutes after healing reader and shares have not come to the end')
    }
    for (const held of [this.reader, ...this.held]) await this.stop(held)
    this.ledger.ended()
    this.check()
  }

  private async fault(): Promise<void> {
    const share = this.random.int(0, SHARES - 1)
    switch (this.random.int(0, 6)) {
      case 0:
      case 1:
        await this.stop(this.held[share]!)
        this.move(share)
        break
      case 2:
        this.killWorker(this.held[share]!.worker)
        break
      case 3:
        await this.takeOver(this.held[share]!.worker)
        break
      case 4:
        this.kill(this.reader)
        this.reader = this.startReader()
        break
      case 5:
        await this.takeOverReader()
        break
      default:
        await this.stop(this.reader)
        this.reader = this.startReader()
    }
  }

  /** To whoever asks for it next. */
  private move(share: number): void {
    this.moves += 1
    this.held[share] = this.startShare(share, this.someWorker())
  }

  private killWorker(worker: Worker): void {
    worker.life.alive = false
    this.crashes += 1
    this.workers = this.workers.map((each) => (each === worker ? new Worker() : each))
    for (const [share, held] of this.held.entries()) {
      if (held.worker !== worker) continue
      this.ledger.died(held.holder)
      this.move(share)
    }
  }

  /** It stands still, others take its shares, and it wakes up behind them. */
  private async takeOver(worker: Worker): Promise<void> {
    worker.life.frozen = true
    this.crashes += 1
    this.workers = this.workers.map((each) => (each === worker ? new Worker() : each))
    for (const [share, held] of this.held.entries()) {
      if (held.worker !== worker) continue
      this.ledger.died(held.holder)
      this.move(share)
    }
    await this.pass(this.random.int(1, 500))
    worker.life.frozen = false
    await this.pass(this.random.int(1, 500))
    worker.life.alive = false
  }

  private async takeOverReader(): Promise<void> {
    const former = this.reader
    former.worker.life.frozen = true
    this.crashes += 1
    this.reader = this.startReader()
    await this.pass(this.random.int(1, 300))
    // What it appends now is of an epoch that workers know as over.
    former.worker.life.frozen = false
    await this.pass(this.random.int(1, 300))
    former.worker.life.alive = false
  }

  private kill({ worker }: Held): void {
    worker.life.alive = false
    this.crashes += 1
  }

  /** In order: what it has in hand ends first. */
  private async stop({ run, holder }: Held): Promise<void> {
    run.stop()
    if (!(await this.clock.run(() => run.end !== null, this.clock.monotonicMs + HEAL_MS))) {
      throw new BrokenInvariant('a stop does not end')
    }
    this.check()
    // The store was away to the end: what it was not told of comes again.
    if (holder.share < SHARES && this.unsaved.has(`${holder.share}/${holder.term}`)) this.ledger.died(holder)
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
    for (const { run } of [this.reader, ...this.held]) {
      if (run.end !== null && run.end.error !== undefined) throw run.end.error
    }
  }

  private someWorker(): Worker {
    return this.random.pick(this.workers)
  }

  private startReader(): Held {
    const worker = new Worker()
    const clock = this.clock.of(worker.life)
    const term = ++this.terms[SHARES]!
    const shapes = new Shapes(this.log.state(clock), 'shop')
    const source = new SimSource(this.history, new Random(this.random.int(0, 2 ** 31)), clock)
    const run = new Incarnation({
      name: 'reader',
      clock,
      epoch: term,
      lanes: 1,
      rules: { rules: [readerRule({ rules: this.rules, files: [] }, shapes, SHARES)], files: [] },
      source: source as unknown as Source<object>,
      positions: this.positions(SHARES, clock, (position) => this.ledger.readUpTo(Number(position))),
      start: this.stored[SHARES]?.position ?? null,
      state: this.log.state(clock),
      openTarget: () =>
        new AppendTarget({
          changes: this.log.open(clock),
          shapes,
          shares: SHARES,
          instance: 'shop',
          epoch: term,
          log: silentLog,
        }),
    })
    return { worker, holder: { share: SHARES, term }, run }
  }

  private startShare(share: number, worker: Worker): Held {
    const clock = this.clock.of(worker.life)
    const holder: Holder = { share, term: ++this.terms[share]! }
    const state = this.log.state(clock)
    const source = new ShareSource({
      name: `changes-${share}`,
      share,
      layout: 0,
      instance: 'shop',
      changes: this.log.open(clock),
      shapes: new Shapes(state, 'shop'),
      frontiers: new StoredFrontiers(state),
      clock,
      log: silentLog,
    })
    const run = new Incarnation({
      name: `simulated/${share}`,
      clock,
      epoch: holder.term,
      lanes: LANES,
      rules: shareRules({ rules: this.rules, files: [] }, share, SHARES),
      source: source as unknown as Source<object>,
      positions: this.positions(share, clock, (position) => this.passed(share, position)),
      start: this.stored[share]?.position ?? null,
      state,
      openTarget: () => this.target(holder, clock),
    })
    return { worker, holder, run }
  }

  /** The checkpoint of a share, or of the reader: closed to whoever was replaced. */
  private positions(of: number, clock: Clock, saved: (position: string) => void) {
    return {
      description: 'simulated',
      save: async (next: StoredPosition): Promise<void> => {
        const who = `${of}/${next.epoch}`
        this.unsaved.add(who)
        await this.log.travel(clock)
        const before = this.stored[of]
        if (before && next.epoch < before.epoch) throw new BingoError('BINGO_CHECKPOINT_FENCED', 'replaced')
        saved(next.position)
        this.stored[of] = next
        this.unsaved.delete(who)
        if (!this.log.healed && this.random.chance(0.03)) throw away()
      },
    }
  }

  private passed(share: number, position: string): void {
    const { place } = JSON.parse(position) as { place: string }
    for (const id of this.log.changesUpTo(share, Number(place))) this.ledger.passed(share, id)
  }

  /** What one that was replaced sends arrives nowhere: its lease is over (app/standby). */
  private target(holder: Holder, clock: Clock): Target {
    const { random, ledger } = this
    const replaced = (): boolean => this.terms[holder.share] !== holder.term
    return {
      gather: 'all',
      maxBatch: 10,
      maxConcurrency: 3,
      send: async (jobs) => {
        if (!this.log.healed) await clock.sleep(random.chance(0.1) ? random.int(20, 200) : random.int(0, 8))
        if (replaced()) return new Promise(() => undefined)
        const isBad = !this.log.healed && random.chance(0.06)
        if (isBad && random.chance(0.5)) return jobs.map(() => down())
        for (const { payload } of jobs) {
          const [rule, event] = (payload as { args: [string, string] }).args
          ledger.effect(rule, event, holder, !isBad)
        }
        return isBad ? jobs.map(() => down()) : undefined
      },
      close: () => Promise.resolve(),
    }
  }
}

function placeOf(stored: StoredPosition | null | undefined): number {
  return stored == null ? 0 : Number((JSON.parse(stored.position) as { place: string }).place)
}

function down(): DeliveryFailure {
  return { kind: 'down', error: away() }
}
