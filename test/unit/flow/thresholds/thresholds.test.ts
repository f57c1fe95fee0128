import { describe, expect, test } from 'vitest'
import { CheckpointSaver } from '../../../../src/flow/checkpoint/saver.ts'
import { Watermark, type Ticket } from '../../../../src/flow/checkpoint/watermark.ts'
import { CountedPositions } from '../../../../src/flow/thresholds/counted-positions.ts'
import { Thresholds } from '../../../../src/flow/thresholds/thresholds.ts'
import type { StoredPosition } from '../../../../src/flow/checkpoint/position-store.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import { Change } from '../../../../src/model/event/change.ts'
import { NO_GAPS } from '../../../../src/model/event/gap.ts'
import type { Rule } from '../../../../src/model/rule/rule.ts'
import { SourceState } from '../../../../src/model/source/source-state.ts'
import { createStats } from '../../../../src/model/stats.ts'
import { CounterRecord } from '../../../../src/state/counters/counter-record.ts'
import { MemoryStateStore } from '../../../../src/state/memory/state-store.ts'
import { silentLog, tableDef, transaction } from '../../../support/jobs.ts'
import { rulesFrom } from '../../../support/rules-from-text.ts'

interface Place {
  readonly n: number
}

const TABLE = tableDef(['id', 'shop', 'amount'])
const ruleOf = (threshold: string): Rule =>
  rulesFrom(
    `rules: [{id: r, table: users, threshold: ${threshold}, actions: [{type: redis, cmd: DEL, key: "k:{{id}}"}]}]`,
  )[0]!

/** A row of group `shop`, `atMs` after some time. */
function event(id: number, shop: number, atMs: number, seq = 0): Change {
  const tx = { ...transaction(id), timestampUs: (1_700_000_000_000 + atMs) * 1_000 }
  return new Change(TABLE, 'insert', tx, seq, null, { id, shop, amount: 1 }, null)
}

/** A source that reads transactions, and may be killed at any write of its store. */
class Run {
  readonly watermark: Watermark<Place>
  readonly thresholds: Thresholds
  readonly unfinished: Ticket<Place>[] = []
  private readonly rule: Rule

  constructor(rule: Rule, start: Place | null) {
    this.rule = rule
    this.watermark = new Watermark(start)
    this.thresholds = new Thresholds(this.watermark, silentLog)
  }

  /** Answers the ids of the events that fired. */
  read(n: number, changes: readonly Change[], rolledBack = false): number[] {
    const fired = changes.filter((each) => this.thresholds.count(this.rule, this.rule.threshold!, each) !== null)
    const end = { n }
    if (rolledBack) this.thresholds.discard(0)
    else if (fired.length > 0) {
      const ticket = this.watermark.ticket()
      ticket.holds = 1
      this.unfinished.push(ticket)
      this.watermark.seal(ticket, end, 0)
    } else this.watermark.pass(end, 0)
    if (rolledBack) this.watermark.pass(end, 0)
    this.thresholds.committed()
    return rolledBack ? [] : fired.map((each) => Number(each.new!['id']))
  }
}

class Killed extends Error {}

/** A store of state that is killed at its `killAt`th write, before or after it. */
class MortalState extends MemoryStateStore {
  killAt = Infinity
  after = false

  override async save(key: string, value: string, ifVersion: number | null): Promise<boolean> {
    this.killAt -= 1
    if (this.killAt === 0 && !this.after) throw new Killed()
    const saved = await super.save(key, value, ifVersion)
    if (this.killAt === 0) throw new Killed()
    return saved
  }
}

/** What stores the position of a run, and its counters with it. */
function saverOf(
  run: Run,
  counters: CounterRecord,
  epoch: number,
  { save, beforeSave }: { save: (next: StoredPosition) => Promise<void>; beforeSave: () => Promise<void> },
): CheckpointSaver<Place> {
  return new CheckpointSaver<Place>({
    store: new CountedPositions({ description: 'test', save }, counters, run.thresholds),
    epoch,
    intervalMs: 1,
    watermark: run.watermark,
    positions: { print: (place) => JSON.stringify(place), parse: (text) => JSON.parse(text) as Place },
    gaps: { log: NO_GAPS },
    beforeSave,
    onSaved: () => undefined,
    clock: systemClock,
    log: silentLog,
    stats: createStats(1),
    state: new SourceState(),
  })
}

describe('Counters are as of the checkpoint, whenever the daemon dies', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))('seed %i', async (seed) => {
    const random = lcg(seed)
    const rule = ruleOf('{count: 3, within: 100ms, by: "{{new.shop}}", again: 150ms, groups: 4}')
    const history = Array.from({ length: 120 }, (_, i) => ({
      changes: Array.from({ length: 1 + random(3) }, (_, j) => event(i * 10 + j, random(3), i * 15 + random(20), j)),
      rolledBack: random(8) === 0,
    }))
    const whole = new Run(rule, null)
    const expected = history.flatMap(({ changes, rolledBack }, n) => whole.read(n, changes, rolledBack))

    const state = new MortalState()
    const positions = new MortalState()
    const kept: { position: string | null } = { position: null }
    const fired = new Set<number>()
    let done = false
    for (let life = 0; !done; life += 1) {
      const start: Place | null = kept.position === null ? null : (JSON.parse(kept.position) as Place)
      const run = new Run(rule, start)
      const counters = new CounterRecord(state, 'shop', 'binlog')
      state.killAt = Infinity
      if (kept.position !== null) {
        const found = await counters.load(kept.position)
        if (found !== null) run.thresholds.restore(found, { rules: [rule], files: [] })
      }
      let n = start === null ? 0 : start.n + 1
      const readOn = (): void => {
        for (const id of run.read(n, history[n]!.changes, history[n]!.rolledBack)) fired.add(id)
        while (run.unfinished.length > 0 && random(3) > 0) run.unfinished.shift()!.release()
        n += 1
      }
      const saver = saverOf(run, counters, life, {
        save: async ({ position }) => {
          await positions.save('position', position, (await positions.load('position'))?.version ?? null)
          kept.position = position
          // Stored, and the answer is lost.
          if (random(6) === 0) throw new Error('lost')
        },
        // Reading goes on while what has ended leaves the store of waiting events.
        beforeSave: async () => {
          await Promise.resolve()
          if (n < history.length && random(2) === 0) readOn()
        },
      })
      state.killAt = life < 6 ? 1 + random(25) : Infinity
      state.after = random(2) === 0
      while (n < history.length && state.killAt > 0) {
        readOn()
        if (random(3) === 0) await saver.saveIfMoved()
      }
      done = state.killAt > 0
    }
    expect([...fired].toSorted((one, other) => one - other)).toEqual(expected)
  })
})

test('what was rolled back to a savepoint does not count, and what came before it does', () => {
  const rule = ruleOf('{count: 2, within: 1h}')
  const run = new Run(rule, null)
  const count = (seq: number): boolean => run.thresholds.count(rule, rule.threshold!, event(seq, 1, 0, seq)) !== null
  expect([count(0), count(1), count(2)]).toEqual([false, false, true])
  run.thresholds.discard(1)
  expect([count(3), count(4)]).toEqual([false, true])
})

test('a bounded number of groups is counted: the one counted longest ago makes room, and the log says so once', () => {
  const lines: object[] = []
  const log = { ...silentLog, warn: (fields: object) => void lines.push(fields) }
  const rule = ruleOf('{count: 1, within: 1h, by: "{{new.shop}}", groups: 2}')
  const thresholds = new Thresholds(new Watermark<Place>(null), log)
  const fires = (shop: number): boolean => thresholds.count(rule, rule.threshold!, event(shop, shop, 0)) !== null
  expect([fires(1), fires(2), fires(1), fires(3), fires(2), fires(1)]).toEqual([
    false,
    false,
    true,
    false,
    false,
    false,
  ])
  expect(lines).toEqual([{ code: 'BINGO_THRESHOLD_GROUPS', rule: 'r', groups: 2 }])
})

test('the event tells what was counted, and its dead letter tells the same', () => {
  const rule = ruleOf('{sum: "{{new.amount}}", above: 1.5, within: 1h, by: "shop {{new.shop}}"}')
  const thresholds = new Thresholds(new Watermark<Place>(null), silentLog)
  expect(thresholds.count(rule, rule.threshold!, event(1, 7, 0))).toBeNull()
  const fired = thresholds.count(rule, rule.threshold!, event(2, 7, 0))!
  expect(fired.facts!.threshold).toEqual({ count: 2, sum: '2', by: 'shop 7' })
  expect(fired.id).toBe(event(2, 7, 0).id)
})

function lcg(seed: number): (below: number) => number {
  let state = (seed + 1) * 2_654_435_761
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
