import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/model/clock.ts'
import { NO_GAPS } from '../../../src/model/event/gap.ts'
import { SourceState } from '../../../src/model/source/source-state.ts'
import { createStats, type Stats } from '../../../src/model/stats.ts'
import { assess } from '../../../src/ops/health.ts'
import { createMetrics } from '../../../src/ops/metrics/metrics.ts'
import { Progress } from '../../../src/ops/progress.ts'
import { describeStatus } from '../../../src/ops/status.ts'

let now: number
let stats: Stats
let progress: Progress

beforeEach(() => {
  now = 1_700_000_000_000
  stats = createStats(1_000)
  progress = new Progress(stats, { ...systemClock, now: () => now, monotonicMs: () => now })
})

function add(name: string): SourceState {
  const source = new SourceState()
  Object.assign(source, { connected: true, caughtUp: true, lastReceivedAt: now, address: `${name}:3306` })
  stats.sources.set(name, source)
  return source
}

const health = (heartbeats?: ReadonlyMap<string, number>) =>
  assess(stats, progress, { heartbeatMs: 1_000, heartbeats }, now)

const metrics = async () => {
  const deadLetters = async () => 0
  const text = await createMetrics({ stats, progress, health, deadLetters, version: '1', now: () => now }).metrics()
  return text.split('\n')
}

const status = (...names: string[]) =>
  describeStatus({
    name: 'bingo',
    version: '1',
    stats,
    progress,
    health,
    sources: names.map((name) => ({ name, address: 'configured:3306' })),
    checkpointStore: 'memory:',
    position: (source) => ({ flavour: 'mysql', file: `${source}.000001`, offset: 4, gtidSet: null }),
    gaps: () => NO_GAPS,
    deadLetterStore: 'memory:',
    deadLetters: async () => 0,
  })

test('of several sources, each reason and note names its own', () => {
  add('shop').connected = false
  const crm = add('crm')
  expect(health().reasons.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^source shop: connection to the source lost/),
  ])
  crm.failedSaves = 4
  crm.caughtUp = false
  const { reasons, notes } = health()
  expect(reasons.map(({ code }) => code)).toEqual(['BINGO_SOURCE_DISCONNECTED', 'BINGO_CHECKPOINT_FAILING'])
  expect(reasons[1]!.message).toMatch(/^source crm: /)
  expect(notes).toMatchObject([{ code: 'BINGO_CATCHING_UP', message: expect.stringMatching(/^source crm: /) }])
})

test('a single source is not named', () => {
  add('binlog').connected = false
  expect(health().reasons[0]!.message).toMatch(/^connection to the source lost/)
})

test('the silence of a source is measured by its own heartbeat', () => {
  add('shop')
  add('crm')
  progress.sample()
  now += 10_000
  const { reasons } = health(new Map([['crm', 60_000]]))
  expect(reasons.map(({ message }) => message)).toEqual([expect.stringMatching(/^source shop: no event or heartbeat/)])
})

test('gauges of sources have the label source where there are several, and none where there is one', async () => {
  add('shop').connected = false
  expect(await metrics()).toEqual(expect.arrayContaining(['bingo_source_connected 0', 'bingo_source_caught_up 1']))
  add('crm')
  const lines = await metrics()
  expect(lines).toEqual(
    expect.arrayContaining(['bingo_source_connected{source="shop"} 0', 'bingo_source_connected{source="crm"} 1']),
  )
  expect(lines.some((line) => line.startsWith('bingo_source_connected '))).toBe(false)
  expect(lines.some((line) => line.startsWith('bingo_purge_headroom_bytes'))).toBe(false)
})

test('the status shows the first source where it always was, and all of them where there are several', async () => {
  add('shop')
  const alone = await status('shop')
  expect(alone).not.toHaveProperty('sources')
  add('crm').connected = false
  const both = await status('shop', 'crm')
  expect(both.source).toEqual(alone.source)
  expect(both.checkpoint).toEqual(alone.checkpoint)
  expect(both.sources).toMatchObject([
    { name: 'shop', address: 'shop:3306', connected: true, checkpoint: { position: { file: 'shop.000001' } } },
    { name: 'crm', address: 'crm:3306', connected: false, checkpoint: { position: { file: 'crm.000001' } } },
  ])
})
