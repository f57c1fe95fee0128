import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { createStats, targetStatsOf, type Stats } from '../../../src/core/stats.ts'
import { assess } from '../../../src/observability/health.ts'
import { Progress } from '../../../src/observability/progress.ts'

const START = 1_700_000_000_000
let now: number
let stats: Stats
let progress: Progress

beforeEach(() => {
  now = START
  stats = createStats(1_000)
  progress = new Progress(stats, { ...systemClock, now: () => now })
  Object.assign(stats, { connected: true, caughtUp: true, lastReceivedAt: now })
})

const codes = () => assess(stats, progress, { heartbeatMs: 1_000 }, now).reasons.map(({ code }) => code)

test('it is ready when the source is heard and no target is down', () => {
  expect(assess(stats, progress, { heartbeatMs: 1_000 }, now)).toEqual({ ready: true, reasons: [], notes: [] })
})

test('a lost source is said, with for how long', () => {
  stats.connected = false
  now += 5_000
  const { ready, reasons } = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(ready).toBe(false)
  expect(reasons).toMatchObject([{ code: 'BINGO_SOURCE_DISCONNECTED', message: expect.stringContaining('5 s') }])
})

test('silence beyond three heartbeats is not ready although the connection stands', () => {
  now += 3_000
  expect(codes()).toEqual([])
  now += 1
  expect(codes()).toEqual(['BINGO_SOURCE_SILENT'])
})

test('silence while reading is paused is our own doing', () => {
  now += 60_000
  stats.pausedByBackPressure = true
  const health = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(health.ready).toBe(true)
  expect(health.notes).toMatchObject([{ code: 'BINGO_BACK_PRESSURE' }])
})

test('a target that is down is named, with its last error', () => {
  const target = {
    type: 'redis',
    sendsTotal: 0,
    deliveredTotal: 0,
    failedTotal: 1,
    retriedTotal: 0,
    queued: 3,
    inFlightBytes: 0,
  }
  stats.targets.set('redis://cache', { ...target, downSince: now - 2_000, lastError: 'ECONNREFUSED' })
  stats.targets.set('crm', { ...target, downSince: 0, lastError: 'old' })
  const { reasons } = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(reasons).toEqual([
    { code: 'BINGO_TARGET_DOWN', message: 'target redis://cache is down (for 2 s): ECONNREFUSED' },
  ])
})

test('a target that is down and holds its share of the budget is told as what keeps reading from going on', () => {
  const target = targetStatsOf(stats, 'crm', 'webhook')
  Object.assign(target, { downSince: now - 60_000, queued: 7, inFlightBytes: 800, lastError: 'answered 503' })
  stats.pausedByBackPressure = true
  expect(assess(stats, progress, { heartbeatMs: 1_000 }, now).notes).toEqual([
    {
      code: 'BINGO_BACK_PRESSURE',
      message:
        'reading is paused: target crm is down (for 60 s), and its 7 changes hold 800 of the 1000 bytes of the budget',
    },
  ])
})

test('dead letters that cannot be written are said, with the reason of their store', () => {
  stats.deadLetters.blockedSince = now - 3_000
  stats.deadLetters.blockedBy = { code: 'BINGO_DEAD_LETTERS_FULL', message: 'The dead letters in memory are full' }
  expect(assess(stats, progress, { heartbeatMs: 1_000 }, now).reasons).toEqual([
    { code: 'BINGO_DEAD_LETTERS_FULL', message: 'The dead letters in memory are full; events wait (for 3 s)' },
  ])
})

test('a checkpoint that keeps failing is not ready until it is saved again', () => {
  stats.checkpointFailuresTotal = 3
  expect(codes()).toEqual([])
  stats.checkpointFailuresTotal = 4
  expect(codes()).toEqual(['BINGO_CHECKPOINT_FAILING'])
  stats.checkpointSavedAt = now
  expect(codes()).toEqual([])
})

test('an idle hour is no lag', () => {
  progress.sample()
  now += 3_600_000
  expect(progress.lagMs()).toBe(0)
})

test('lag counts from the last moment at which everything was done', () => {
  progress.sample()
  now += 10_000
  stats.inFlightJobs = 1
  expect(progress.lagMs()).toBe(10_000)
  stats.watermarkCommitAt = now - 4_000
  expect(progress.lagMs()).toBe(4_000)
  stats.inFlightJobs = 0
  expect(progress.lagMs()).toBe(0)
})

test('while it catches up, lag is the age of what is finished', () => {
  stats.caughtUp = false
  stats.watermarkCommitAt = START - 86_400_000
  expect(progress.lagMs()).toBe(86_400_000)
})

test('a standby is not ready, and says nothing but who leads', () => {
  Object.assign(stats, { connected: false })
  Object.assign(stats.standby, { role: 'standby', leader: 'host:1' })
  const { ready, reasons, notes } = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect({ ready, notes }).toEqual({ ready: false, notes: [] })
  expect(reasons).toMatchObject([{ code: 'BINGO_STANDBY', message: expect.stringContaining('host:1') }])
})

test('a leader that cannot renew its lease is not ready, with for how long', () => {
  Object.assign(stats.standby, { role: 'leader', unconfirmedSince: now - 5_000 })
  const { reasons } = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(reasons).toMatchObject([{ code: 'BINGO_LEASE_UNCONFIRMED', message: expect.stringContaining('5 s') }])
})
