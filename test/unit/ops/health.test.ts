import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/model/clock.ts'
import { SourceState } from '../../../src/model/source/source-state.ts'
import { createStats, type Stats } from '../../../src/model/stats.ts'
import type { TargetState } from '../../../src/model/delivery/target-state.ts'
import { assess } from '../../../src/ops/health.ts'
import { Progress } from '../../../src/ops/progress.ts'

const START = 1_700_000_000_000
let now: number
let stats: Stats
let source: SourceState
let progress: Progress

beforeEach(() => {
  now = START
  stats = createStats(1_000)
  source = new SourceState()
  stats.sources.set('binlog', source)
  progress = new Progress(stats, { ...systemClock, now: () => now, monotonicMs: () => now })
  Object.assign(source, { connected: true, caughtUp: true, lastReceivedAt: now })
})

const target = (id: string, type: string, state: Partial<TargetState>) =>
  void Object.assign(stats.budget.target({ id, type }), state)

const codes = () => assess(stats, progress, { heartbeatMs: 1_000 }, now).reasons.map(({ code }) => code)

test('it is ready when the source sends and no target is down', () => {
  expect(assess(stats, progress, { heartbeatMs: 1_000 }, now)).toEqual({ ready: true, reasons: [], notes: [] })
})

const member = (role: 'reader' | 'worker', leads = true) => ({
  role,
  host: 'vm',
  pid: 1,
  since: '2026-01-01T00:00:00Z',
  shares: [],
  behind: 0,
  rules: 'x',
  leads,
})

test.each([
  ['worker', [], []],
  ['worker', [member('worker')], ['BINGO_SCALE_NO_READER']],
  ['worker', [member('worker'), member('reader', false)], []],
  ['reader', [member('reader')], ['BINGO_SCALE_NO_WORKER']],
  ['reader', [member('reader'), member('worker')], []],
  ['reader', [member('reader'), { ...member('worker'), rules: 'y' }], ['BINGO_SCALE_RULES_DIFFER']],
  ['worker', [member('reader'), member('worker'), { ...member('worker'), rules: 'y' }], ['BINGO_SCALE_RULES_DIFFER']],
] as const)(
  'a %s that is there without the other role, or with other rules, says so once it has looked (%#)',
  (role, members, notes) => {
    stats.scale = { role, through: 'redis://r', shares: 4, held: new Map(), members: () => members }
    const found = assess(stats, progress, { heartbeatMs: 1_000 }, now)
    expect(found.ready).toBe(true)
    expect(found.notes.map(({ code }) => code)).toEqual(notes)
  },
)

test('a lost source is reported with its duration', () => {
  source.connected = false
  source.downSince = now
  source.lastError = { code: 'BINGO_SOURCE_UNREACHABLE', message: 'MySQL at db:3306 cannot be reached' }
  now += 5_000
  const { ready, reasons } = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(ready).toBe(false)
  expect(reasons).toMatchObject([
    { code: 'BINGO_SOURCE_DISCONNECTED', message: expect.stringContaining('5 s): BINGO_SOURCE_UNREACHABLE') },
  ])
})

test('a silence of more than three heartbeats is not ready although the connection is open', () => {
  progress.sample()
  now += 3_000
  expect(codes()).toEqual([])
  now += 1
  expect(codes()).toEqual(['BINGO_SOURCE_SILENT'])
})

test('a stream of heartbeats only is reported while it lasts, although the connection is open', () => {
  source.stalled = { since: now, groups: 7 }
  now += 2_000
  source.lastReceivedAt = now
  const { ready, reasons } = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(ready).toBe(false)
  expect(reasons).toEqual([
    { code: 'BINGO_SOURCE_STALLED', message: 'the server has more events but sends only heartbeats (for 2 s)' },
  ])
})

test('silence while reading is paused is not a fault of the source', () => {
  now += 60_000
  stats.budget.paused = true
  const health = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(health.ready).toBe(true)
  expect(health.notes).toMatchObject([{ code: 'BINGO_BACK_PRESSURE' }])
})

test('a target that is down is named, with its last error', () => {
  target('redis://cache', 'redis', { queued: 3, downSince: now - 2_000, lastError: 'ECONNREFUSED' })
  target('crm', 'webhook', { queued: 3, lastError: 'old' })
  const { reasons } = assess(stats, progress, { heartbeatMs: 1_000 }, now)
  expect(reasons).toEqual([
    { code: 'BINGO_TARGET_DOWN', message: 'target redis://cache is down (for 2 s): ECONNREFUSED' },
  ])
})

test('a target that is down and holds its share of the budget is reported as the reason why reading is paused', () => {
  target('crm', 'webhook', { downSince: now - 60_000, queued: 7, inFlightBytes: 800, lastError: 'answered 503' })
  stats.budget.paused = true
  expect(assess(stats, progress, { heartbeatMs: 1_000 }, now).notes).toEqual([
    {
      code: 'BINGO_BACK_PRESSURE',
      message:
        'reading is paused: target crm is down (for 60 s), and its backlog of 7 changes holds 800 of the 1000 bytes of the memory budget',
    },
  ])
})

test('dead letters that cannot be written are reported with the error of their store', () => {
  stats.deadLetters.blockedSince = now - 3_000
  stats.deadLetters.blockedBy = { code: 'BINGO_DEAD_LETTERS_FULL', message: 'The dead-letter store in memory is full' }
  expect(assess(stats, progress, { heartbeatMs: 1_000 }, now).reasons).toEqual([
    { code: 'BINGO_DEAD_LETTERS_FULL', message: 'The dead-letter store in memory is full; events wait (for 3 s)' },
  ])
})

test('a checkpoint that keeps failing is not ready until it is saved again', () => {
  source.failedSaves = 3
  expect(codes()).toEqual([])
  source.failedSaves = 4
  expect(codes()).toEqual(['BINGO_CHECKPOINT_FAILING'])
  source.failedSaves = 0
  expect(codes()).toEqual([])
})

test('an idle hour is not lag', () => {
  progress.sample()
  now += 3_600_000
  expect(progress.lagMs()).toBe(0)
})

test('lag counts from the last moment at which everything was done', () => {
  progress.sample()
  now += 10_000
  source.work = { commitAtMs: 0, pending: 1 }
  expect(progress.lagMs()).toBe(10_000)
  source.work = { commitAtMs: now - 4_000, pending: 1 }
  expect(progress.lagMs()).toBe(4_000)
  source.work = { commitAtMs: now - 4_000, pending: 0 }
  expect(progress.lagMs()).toBe(0)
})

test('lag is that of the source that is furthest behind, and one that has nothing to do has none', () => {
  const other = new SourceState()
  Object.assign(other, { connected: true, caughtUp: true, lastReceivedAt: now })
  stats.sources.set('other', other)
  progress.sample()
  now += 10_000
  source.work = { commitAtMs: now - 4_000, pending: 1 }
  expect(progress.lagMs()).toBe(4_000)
  now += 20_000
  source.work = { commitAtMs: now - 4_000, pending: 1 }
  other.work = { commitAtMs: now - 7_000, pending: 2 }
  expect(progress.lagMs()).toBe(7_000)
})

test('each source that is lost is a reason of its own', () => {
  source.connected = false
  stats.sources.set('other', new SourceState())
  expect(codes()).toEqual(['BINGO_SOURCE_DISCONNECTED', 'BINGO_SOURCE_DISCONNECTED'])
})

test('while it catches up, lag is the age of what is finished', () => {
  source.caughtUp = false
  source.work = { commitAtMs: START - 86_400_000, pending: 0 }
  expect(progress.lagMs()).toBe(86_400_000)
})

test('a standby is not ready, and reports only the leader', () => {
  source.connected = false
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

const notes = () => assess(stats, progress, { heartbeatMs: 1_000 }, now).notes

test('a jump of the wall clock is not silence', () => {
  let wall = now
  progress = new Progress(stats, { ...systemClock, now: () => wall, monotonicMs: () => now })
  progress.sample()
  wall += 86_400_000
  expect(assess(stats, progress, { heartbeatMs: 1_000 }, wall).ready).toBe(true)
})

test('a target that is up and finishes nothing of what waits is stalled, and named', () => {
  target('crm', 'redis', { queued: 7 })
  target('idle', 'redis', { queued: 0 })
  target('down', 'redis', { queued: 1, downSince: now })
  const stalled = () =>
    assess(stats, progress, { heartbeatMs: 1e9, stallMs: 60_000 }, now).reasons.filter(
      ({ code }) => code === 'BINGO_DELIVERY_STALLED',
    )
  expect(stalled()).toEqual([])
  now += 59_000
  expect(stalled()).toEqual([])
  now += 1_000
  expect(stalled()).toMatchObject([{ message: '7 actions wait for target crm, and none has finished for 60 s' }])
  stats.targets.get('crm')!.ended += 1
  expect(stalled()).toEqual([])
})

test('back-pressure names the target that most of it waits for', () => {
  stats.budget.paused = true
  target('cache', 'redis', { queued: 2 })
  target('crm', 'redis', { queued: 9 })
  expect(notes()).toMatchObject([
    { code: 'BINGO_BACK_PRESSURE', message: expect.stringContaining('9 wait for target crm') },
  ])
})

test('the note about dead letters ends once none is left', () => {
  const counts = { matchedTotal: 0, actionsTotal: 0, deliveredTotal: 0, coalescedTotal: 0, errorsTotal: 0 }
  const rule = { ...counts, deadLettersTotal: 2 }
  stats.rules.set('r', rule)
  expect(notes()).toHaveLength(1)
  progress.delivery.lettersGone()
  expect(notes()).toEqual([])
  rule.deadLettersTotal = 3
  expect(notes()[0]!.message).toMatch(/^1 event /)
})

test('dead letters are noted for ten minutes, counted from the beginning of the burst', () => {
  const rule = {
    matchedTotal: 0,
    actionsTotal: 0,
    deliveredTotal: 0,
    coalescedTotal: 0,
    errorsTotal: 0,
    deadLettersTotal: 2,
  }
  stats.rules.set('r', rule)
  expect(notes()).toMatchObject([{ code: 'BINGO_DEAD_LETTERS_GROWING', message: expect.stringMatching(/^2 events /) }])
  now += 500_000
  rule.deadLettersTotal = 3
  expect(notes()[0]!.message).toMatch(/^3 events /)
  now += 600_001
  source.lastReceivedAt = now
  expect(notes()).toEqual([])
  rule.deadLettersTotal = 4
  expect(notes()[0]!.message).toMatch(/^1 event /)
})

test('binlogs that are about to be purged are reported with the time left', () => {
  const retention = { keptMs: 86_400_000, headroomMs: 7_200_000, headroomBytes: null, backlogBytes: 2_048 }
  source.retention = retention
  expect(notes()).toMatchObject([{ code: 'BINGO_PURGE_NEAR', message: expect.stringContaining('2 h') }])
  source.retention = { ...retention, headroomMs: 43_200_000 }
  expect(notes()).toEqual([])
})

test('a gap is reported for a day', () => {
  source.lastGapAt = now
  expect(notes()).toMatchObject([{ code: 'BINGO_GAP_PASSED' }])
  source.lastGapAt = now - 86_400_001
  expect(notes()).toEqual([])
})

test('if the end of the binlog cannot be queried, that is reported instead of an unknown lag', () => {
  source.caughtUp = false
  source.endUnknown = 'the privilege is missing'
  expect(notes()).toMatchObject([{ code: 'BINGO_SOURCE_END_UNKNOWN', message: expect.stringContaining('privilege') }])
})

test('a start without a checkpoint is a note for a day', () => {
  source.startedWithoutCheckpointAt = now
  const notes = () => assess(stats, progress, { heartbeatMs: 1_000 }, now).notes.map(({ code }) => code)
  expect(notes()).toEqual(['BINGO_FIRST_START'])
  source.startedWithoutCheckpointAt = now - 86_400_001
  expect(notes()).toEqual([])
})
