import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WritePause } from '../../../src/flow/write-pause.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { PauseReasons } from '../../../src/model/source/source.ts'

let pauseStates: boolean[]
let waiting: { unwritten: number }
let writes: WritePause

beforeEach(() => {
  vi.useFakeTimers()
  pauseStates = []
  waiting = { unwritten: 0 }
  writes = new WritePause(new PauseReasons((paused) => pauseStates.push(paused)), systemClock, waiting)
})
afterEach(() => {
  writes.stop()
  vi.useRealTimers()
})

function read(unwritten: number) {
  waiting.unwritten = unwritten
  writes.check()
}

function written(left: number) {
  waiting.unwritten = left
  writes.released()
}

test('reading pauses while two groups are on their way into the store, and goes on when one of them is left', () => {
  read(4_000)
  expect(pauseStates).toEqual([])
  read(4_001)
  read(4_100)
  expect(pauseStates).toEqual([true])
  written(2_001)
  expect(pauseStates).toEqual([true])
  written(2_000)
  expect(pauseStates).toEqual([true, false])
  read(4_001)
  expect(pauseStates).toEqual([true, false, true])
})

test('a store that writes slowly is waited for as long as it writes', () => {
  read(9_000)
  for (const left of [8_000, 7_000, 6_000, 5_000]) {
    vi.advanceTimersByTime(900)
    written(left)
  }
  expect(pauseStates).toEqual([true])
})

test('a store that writes nothing is not waited for, until it has caught up', () => {
  read(4_001)
  vi.advanceTimersByTime(999)
  expect(pauseStates).toEqual([true])
  vi.advanceTimersByTime(1)
  expect(pauseStates).toEqual([true, false])
  read(50_000)
  written(40_000)
  read(40_100)
  expect(pauseStates).toEqual([true, false])
  written(2_000)
  read(4_001)
  expect(pauseStates).toEqual([true, false, true])
})

test('nothing goes on after a stop', () => {
  read(4_001)
  writes.stop()
  vi.advanceTimersByTime(5_000)
  expect(pauseStates).toEqual([true])
})
