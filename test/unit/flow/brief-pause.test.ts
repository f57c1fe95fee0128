import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BriefPause } from '../../../src/flow/brief-pause.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { PauseReasons } from '../../../src/model/source/source.ts'
import { TargetState } from '../../../src/model/delivery/target-state.ts'

let pauseStates: boolean[]
let brief: BriefPause
let target: TargetState

beforeEach(() => {
  vi.useFakeTimers()
  pauseStates = []
  brief = new BriefPause(new PauseReasons((paused) => pauseStates.push(paused)), systemClock)
  target = new TargetState({ id: 'cache', type: 'redis' })
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

test('reading pauses while a target has enough queued, and resumes when half of it is done', () => {
  queue(6_000)
  expect(pauseStates).toEqual([])
  queue(6_001)
  expect(pauseStates).toEqual([true])
  drainTo(3_001)
  expect(pauseStates).toEqual([true])
  drainTo(3_000)
  expect(pauseStates).toEqual([true, false])
  queue(6_001)
  expect(pauseStates).toEqual([true, false, true])
})

test('reading stays paused as long as the target makes progress', () => {
  queue(10_000)
  for (const left of [9_600, 8_000, 7_000, 3_001]) {
    drainTo(left)
    vi.advanceTimersByTime(20)
  }
  expect(pauseStates).toEqual([true])
  drainTo(3_000)
  expect(pauseStates).toEqual([true, false])
})

test('a target that does not keep up holds reading up for 100 ms, and two seconds later again', () => {
  queue(10_000)
  drainTo(9_501)
  vi.advanceTimersByTime(99)
  expect(pauseStates).toEqual([true])
  vi.advanceTimersByTime(1)
  expect(pauseStates).toEqual([true, false])
  queue(20_000)
  vi.advanceTimersByTime(1_999)
  queue(20_000)
  expect(pauseStates).toEqual([true, false])
  vi.advanceTimersByTime(1)
  queue(20_000)
  expect(pauseStates).toEqual([true, false, true])
})

test('a target whose sends take longer than the time between two looks keeps up by what they end', () => {
  queue(6_001)
  vi.advanceTimersByTime(79)
  drainTo(4_001)
  vi.advanceTimersByTime(78)
  expect(pauseStates).toEqual([true])
  drainTo(2_001)
  expect(pauseStates).toEqual([true, false])
  queue(6_001)
  expect(pauseStates).toEqual([true, false, true])
})

test('the end of a long queue is not waited for', () => {
  queue(40_000)
  for (let look = 1; look <= 8; look++) {
    expect(pauseStates).toEqual([true])
    drainTo(40_000 - look * 1_000)
    vi.advanceTimersByTime(20)
  }
  expect(pauseStates).toEqual([true, false])
})

test('reading pauses for a busy target although another one is slow', () => {
  queue(10_000)
  vi.advanceTimersByTime(100)
  const other = new TargetState({ id: 'other', type: 'redis' })
  other.queued = 6_001
  brief.check(other)
  expect(pauseStates).toEqual([true, false, true])
})

test('a target that is down is not waited for', () => {
  target.downSince = 1
  queue(10_000)
  expect(pauseStates).toEqual([])
})

test('after a stop nothing resumes by itself', () => {
  queue(10_000)
  brief.stop()
  vi.advanceTimersByTime(1_000)
  drainTo(0)
  expect(pauseStates).toEqual([true])
})
