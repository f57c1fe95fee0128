import { expect, test } from 'vitest'
import { systemClock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { SagaCounters } from '../../../src/model/saga/counters.ts'
import { SourceState } from '../../../src/model/source/source-state.ts'
import { createStats } from '../../../src/model/stats.ts'
import { assess } from '../../../src/ops/health.ts'
import { createMetrics } from '../../../src/ops/metrics/metrics.ts'
import { Progress } from '../../../src/ops/progress.ts'
import { openSagaStore } from '../../../src/state/open.ts'
import { silentLog } from '../../../src/model/silent-log.ts'

const NOW = 1_700_000_000_000

function ready() {
  const stats = createStats(1_000)
  const source = new SourceState()
  Object.assign(source, { connected: true, caughtUp: true, lastReceivedAt: NOW, address: 'db:3306' })
  stats.sources.set('binlog', source)
  const progress = new Progress(stats, { ...systemClock, now: () => NOW, monotonicMs: () => NOW })
  const health = () => assess(stats, progress, { heartbeatMs: 1_000 }, NOW)
  const deadLetters = async () => 0
  const sources = { stats, progress, health, deadLetters, version: '1', now: () => NOW }
  return { stats, health, metrics: async () => (await createMetrics(sources).metrics()).split('\n') }
}

test('sagas are counted by status, with their durations, from the first one on', async () => {
  const { stats, metrics } = ready()
  expect((await metrics()).filter((line) => line.startsWith('bingo_sagas{'))).toEqual([])
  const sagas = (stats.sagas = new SagaCounters())
  sagas.counts = [{ saga: 'order', status: 'stuck', count: 2, oldestMs: NOW - 3_600_000 }]
  sagas.ended('order', 'completed', 40)
  sagas.commandsTotal.done = 3
  const lines = await metrics()
  expect(lines).toContain('bingo_sagas{saga="order",status="stuck"} 2')
  expect(lines).toContain('bingo_saga_duration_seconds_count{saga="order",status="completed"} 1')
  expect(lines).toContain('bingo_saga_commands_total{outcome="done"} 3')
})

test('what is stuck, cannot be stored or has no definition stands in the notes of readiness, which stays', () => {
  const { stats, health } = ready()
  const sagas = (stats.sagas = new SagaCounters())
  sagas.counts = [
    { saga: 'order', status: 'running', count: 5, oldestMs: NOW },
    { saga: 'order', status: 'stuck', count: 2, oldestMs: NOW - 3_600_000 },
  ]
  sagas.blocked(NOW - 2_000, new BingoError('BINGO_SAGA_STORE_UNREACHABLE', 'it is down'))
  sagas.unusable.set('order v1', 'target "crm" does not exist')
  const { ready: isReady, notes } = health()
  expect(isReady).toBe(true)
  expect(notes.map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringMatching(/^BINGO_SAGA_STUCK 2 sagas are stuck, the oldest began 60 min ago/),
    expect.stringMatching(/^BINGO_SAGA_STORE_UNREACHABLE .*it is down$/),
    expect.stringMatching(/^BINGO_SAGA_DEFINITION sagas of order v1 wait: .*"crm" does not exist$/),
  ])
})

test('a store that nobody knows is refused with what to set', async () => {
  const settings = { name: 'bingo', checkpoint: 'etcd://cache:6379', deadLetters: undefined, log: silentLog }
  await expect(openSagaStore(settings)).rejects.toMatchObject({ code: 'BINGO_SAGA_STORE_INVALID' })
})
