import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BriefPause } from '../../src/brief-pause.ts'
import { createStats, targetStatsOf } from '../../src/core/stats.ts'
import type { TargetStats } from '../../src/core/stats.ts'

let pressures: boolean[]
let brief: BriefPause
let target: TargetStats

beforeEach(() => {
  vi.useFakeTimers()
  pressures = []
  brief = new BriefPause((high) => pressures.push(high))
  target = targetStatsOf(createStats(1), 'cache', 'redis')
})
afterEach(() => {
  brief.stop()
  vi.useRealTimers()
})

function queue(count: number) {
  target.queued = count
  brief.check(target)
}

function drainTo(count: number) {
  target.queued = count
  brief.released(target)
}

test('reading rests while a target has enough queued, and goes on when half of it is done', () => {
  queue(6_000)
  expect(pressures).toEqual([])
  queue(6_001)
  expect(pressures).toEqual([true])
  drainTo(3_001)
  expect(pressures).toEqual([true])
  drainTo(3_000)
  expect(pressures).toEqual([true, false])
  queue(6_001)
  expect(pressures).toEqual([true, false, true])
})

test('a target that does not keep up holds reading up once, for 20 ms, until it has caught up', () => {
  queue(10_000)
  vi.advanceTimersByTime(20)
  expect(pressures).toEqual([true, false])
  queue(20_000)
  drainTo(5_000)
  queue(10_000)
  expect(pressures).toEqual([true, false])
  drainTo(3_000)
  queue(6_001)
  expect(pressures).toEqual([true, false, true])
})

test('a target that is down is not waited for', () => {
  target.downSince = 1
  queue(10_000)
  expect(pressures).toEqual([])
})

test('after a stop nothing goes on by itself', () => {
  queue(10_000)
  brief.stop()
  vi.advanceTimersByTime(1_000)
  drainTo(0)
  expect(pressures).toEqual([true])
})
