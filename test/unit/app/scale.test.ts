import { expect, test } from 'vitest'
import { Members } from '../../../src/app/scale/members.ts'
import { rulesDigest } from '../../../src/app/scale/rules-digest.ts'
import { ENOUGH, ShareLeases } from '../../../src/app/scale/share-leases.ts'
import { WorkerStats } from '../../../src/app/scale/worker-stats.ts'
import { warnOfWaiting } from '../../../src/app/scale/left-waiting.ts'
import { systemClock } from '../../../src/model/clock.ts'
import type { Log } from '../../../src/model/rule/action.ts'
import type { TargetConfig } from '../../../src/model/rule/target-config.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import type { Lease, LeaseAnswer } from '../../../src/model/state/lease.ts'
import { createStats } from '../../../src/model/stats.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'

function member(state: MemoryStateStore, clock = systemClock, role: 'reader' | 'worker' = 'worker'): Members {
  const self = () => ({ role, shares: [], behind: 0, rules: 'x', leads: true })
  return new Members({ state, clock, deadAfterMs: 1_000, self, changed: () => undefined })
}

test('all shares are somebody’s part, and nobody has two more than another', async () => {
  const state = new MemoryStateStore()
  const workers = Array.from({ length: 3 }, () => member(state))
  const reader = member(state, systemClock, 'reader')
  expect(workers[0]!.quota(16)).toBe(0)
  for (let round = 0; round < 2; round++) for (const each of [...workers, reader]) await each.tell()
  expect(workers.map((each) => each.quota(16)).sort((a, b) => a - b)).toEqual([5, 5, 6])
  expect(reader.quota(16)).toBe(0)
  expect(reader.living.map(({ role }) => role).sort()).toEqual(['reader', 'worker', 'worker', 'worker'])
})

test('a worker that says nothing more is dead after a while, by the clock of whoever looks', async () => {
  const state = new MemoryStateStore()
  let now = 0
  const clock = { ...systemClock, monotonicMs: () => now }
  const [one, two] = [member(state, clock), member(state, clock)]
  await two.tell()
  await one.tell()
  expect(one.quota(8)).toBe(4)
  now = 900
  await one.tell()
  expect(one.quota(8)).toBe(4)
  now = 1_100
  await one.tell()
  expect(one.quota(8)).toBe(8)
})

test('a worker that stops has left at once, whatever it still tells', async () => {
  const state = new MemoryStateStore()
  const [one, two] = [member(state), member(state)]
  const stop = new AbortController()
  const running = two.run(stop.signal)
  await two.tell()
  await one.tell()
  expect(one.quota(8)).toBe(4)
  stop.abort()
  await running
  await two.tell()
  await one.tell()
  expect(one.quota(8)).toBe(8)
})

/** A lease that is free until somebody has it. */
function lease(answer: LeaseAnswer = { tag: 'taken', after: 'release' }): Lease & { asked: number } {
  return {
    asked: 0,
    description: 'lease',
    async ask() {
      this.asked += 1
      return answer
    },
    release: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

test('a worker asks for no more leases than are its part, and knows what it has too many', async () => {
  let quota = 2
  const leases = new ShareLeases(() => quota)
  const all = Array.from({ length: 4 }, () => lease())
  const guarded = all.map((each, share) => leases.guard(share, each))
  const answers = await Promise.all(guarded.map((each) => each.ask()))
  expect(answers.map(({ tag }) => tag)).toEqual(['taken', 'taken', 'other', 'other'])
  expect(all.map(({ asked }) => asked)).toEqual([1, 1, 0, 0])
  quota = 1
  expect(leases.surplus).toBe(1)
  // What it has, it renews.
  expect((await guarded[1]!.ask()).tag).toBe('taken')
  await guarded[1]!.release()
  expect([...leases.held]).toEqual([0])
  const others = leases.guard(3, lease({ tag: 'other', holder: 'x', remainingMs: 5 }))
  quota = 4
  // Who it is changes often, and is not worth a line of the log each time.
  expect(await others.ask()).toEqual({ tag: 'other', holder: ENOUGH, remainingMs: 5 })
  expect(leases.held.has(3)).toBe(false)
})

test('shares have budgets and targets of their own, and are told as one', () => {
  const total = createStats(1_000)
  const worker = new WorkerStats(total, undefined)
  const [one, two] = [worker.open(100), worker.open(200)]
  const target: TargetConfig = { id: 'crm', type: 'webhook', options: null }
  one.rowsTotal += 3
  two.rowsTotal += 4
  one.budget.charge(target, 10, 1)
  two.budget.charge(target, 20, 1)
  two.budget.target(target).queued = 5
  two.budget.target(target).downSince = 77
  one.budget.target(target).counters.deliveredTotal += 6
  one.waiting.lines = new Map([['delay/r', { count: 2, bytes: 20, oldestMs: 9 }]])
  two.waiting.lines = new Map([['delay/r', { count: 1, bytes: 10, oldestMs: 4 }]])
  const { waiting } = total
  expect(total).toMatchObject({ rowsTotal: 7, budget: { jobs: 2, bytes: 30, limitBytes: 300, paused: false } })
  expect(total.targets.get('crm')).toMatchObject({ queued: 5, downSince: 77, counters: { deliveredTotal: 6 } })
  expect(waiting.lines.get('delay/r')).toEqual({ count: 3, bytes: 30, oldestMs: 4 })
  two.waiting.blockedSince = 5
  expect(waiting.blockedSince).toBe(5)
  two.budget.paused = true
  expect(total.budget.paused).toBe(true)
  expect(one.budget.paused).toBe(false)
  // What a share that goes has counted stays.
  worker.close(one)
  expect(total.targets.get('crm')!.counters.deliveredTotal).toBe(6)
  expect(total.rowsTotal).toBe(7)
  expect(total.budget.bytes).toBe(20)
})

test('a digest of rules is that of their texts, not of their order', () => {
  const texts = ['a', 'b'].map(
    (id) => `  - {id: ${id}, table: t, actions: [{type: webhook, url: "https://x.example/"}]}\n`,
  )
  const [one, other] = [texts, texts.toReversed()].map((all) => rulesFrom(`rules:\n${all.join('')}`))
  const digest = (rules = one!) => rulesDigest({ rules, files: [] })
  expect(digest(other)).toBe(digest())
  expect(digest([one![0]!])).not.toBe(digest())
})

test('a digest of rules is another one where `targets:` says something else of a target', () => {
  const [rule] = rulesFrom('rules:\n  - {id: a, table: t, actions: [{type: webhook, url: "https://x.example/"}]}\n')
  const digest = (version: string) => {
    const actions = rule!.actions.map((action) => ({ ...action, target: { ...action.target, version } }))
    return rulesDigest({ rules: [{ ...rule!, actions }], files: [] })
  }
  expect(digest('one')).toBe(digest('one'))
  expect(digest('one')).not.toBe(digest('other'))
})

test('what waits for one process is told by a reader', async () => {
  const said: object[] = []
  const log: Log = { ...silentLog, warn: (fields) => void said.push(fields) }
  await warnOfWaiting({ lines: async () => [] }, log)
  expect(said).toEqual([])
  await warnOfWaiting({ lines: async () => [{ line: 'delay/r', count: 2, bytes: 9, oldestMs: 1 }] as never }, log)
  expect(said).toEqual([{ code: 'BINGO_SCALE_WAITING', events: 2, lines: ['delay/r'] }])
})

test('who takes part says so again where somebody has edited the list', async () => {
  const state = new MemoryStateStore()
  const worker = member(state)
  for (const edited of ['{', 'null', '{"a":{"role":"worker"}}']) {
    const stored = await state.load('scale/members')
    await state.save('scale/members', edited, stored?.version ?? null)
    await worker.tell()
    expect(worker.living).toMatchObject([{ role: 'worker', pid: process.pid }])
  }
})
