import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import { DebounceWindow } from '../../../../src/flow/windows/window.ts'
import { heldBytes } from '../../../support/heap.ts'
import { action, CountingHold, job } from '../../../support/jobs.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function openWindow(options: { windowMs?: number; maxWaitMs?: number; maxBatch?: number } = {}) {
  const batches: InFlightJob[][] = []
  const window = new DebounceWindow(
    { windowMs: 100, maxWaitMs: 1000, maxBatch: 1000, ...options },
    (jobs) => batches.push([...jobs]),
    { ...systemClock, monotonicMs: () => Date.now() },
  )
  return { window, batches }
}

const latest = action({ coalesce: 'latest' })
const none = action({ coalesce: 'none' })

test('the triggers of a window leave as one batch', () => {
  const { window, batches } = openWindow()
  window.add(job({ id: 1 }))
  window.add(job({ id: 2 }))
  vi.advanceTimersByTime(99)
  expect(batches).toEqual([])
  vi.advanceTimersByTime(1)
  expect(batches.map((batch) => batch.length)).toEqual([2])
  expect(window.size).toBe(0)
})

test('a key that is triggered again waits on, and maxWait bounds how long', () => {
  const { window, batches } = openWindow()
  for (let ms = 0; ms < 950; ms += 50) {
    window.add(job({ id: 1, action: none }))
    vi.advanceTimersByTime(50)
  }
  expect(batches).toEqual([])
  vi.advanceTimersByTime(50)
  expect(batches.map((batch) => batch.length)).toEqual([19])
})

test('a busy key does not hold back a quiet one', () => {
  const { window, batches } = openWindow()
  window.add(job({ id: 2 }))
  for (let ms = 0; ms < 150; ms += 50) {
    window.add(job({ id: 1, action: none }))
    vi.advanceTimersByTime(50)
  }
  expect(batches.map((batch) => batch.map((each) => each.change.new!['id']))).toEqual([[2]])
})

test('what has left is not held behind a key that is never quiet', () => {
  const { window, batches } = openWindow({ maxWaitMs: 1e9 })
  const before = heldBytes()
  for (let round = 0; round < 100; round++) {
    window.add(job({ id: 1, action: latest }))
    for (let id = 0; id < 400; id++) window.add(job({ id: 1_000 + round * 400 + id }))
    for (let ms = 0; ms < 150; ms += 50) {
      window.add(job({ id: 1, action: latest }))
      vi.advanceTimersByTime(50)
    }
    batches.length = 0
  }
  // Of 40,000 jobs.
  expect(heldBytes() - before).toBeLessThan(5_000_000)
})

test('a full window leaves at once', () => {
  const { window, batches } = openWindow({ maxBatch: 3 })
  for (const id of [1, 2, 3]) window.add(job({ id }))
  expect(batches.map((batch) => batch.length)).toEqual([3])
  vi.advanceTimersByTime(5000)
  expect(batches).toHaveLength(1)
})

test('with coalesce none every event of a key leaves, in order', () => {
  const { window, batches } = openWindow()
  const jobs = [0, 1, 2].map((seq) => job({ id: 1, seq, action: none }))
  for (const each of jobs) expect(window.add(each)).toBeNull()
  vi.advanceTimersByTime(100)
  expect(batches).toEqual([jobs])
})

test('with coalesce latest the newest stands for the older ones, whose holds end when it ends', () => {
  const { window, batches } = openWindow()
  const holds = [new CountingHold(), new CountingHold(), new CountingHold()]
  const jobs = holds.map((hold, seq) => job({ id: 1, seq, hold, action: latest }))
  expect(jobs.map((each) => window.add(each))).toEqual([null, jobs[0], jobs[1]])
  vi.advanceTimersByTime(100)
  expect(batches).toEqual([[jobs[2]]])
  expect(holds.map((hold) => hold.released)).toEqual([0, 0, 0])
  jobs[2]!.end()
  expect(holds.map((hold) => hold.released)).toEqual([1, 1, 1])
})

test('older jobs of the same transaction give their hold back at once, so a hot row does not pile up', () => {
  const { window } = openWindow()
  const hold = new CountingHold()
  for (let seq = 0; seq < 1000; seq++) window.add(job({ id: 1, seq, hold, action: latest }))
  expect(hold.released).toBe(999)
})

test('events of one row that address different cache keys do not stand for each other', () => {
  const { window, batches } = openWindow()
  window.add(job({ id: 1, payload: 'cache:email:a', action: latest }))
  window.add(job({ id: 1, payload: 'cache:email:b', action: latest }))
  vi.advanceTimersByTime(100)
  expect(batches[0]!.map((each) => each.payload)).toEqual(['cache:email:a', 'cache:email:b'])
})

test('flush releases everything and leaves no timer', () => {
  const { window, batches } = openWindow()
  window.add(job({ id: 1 }))
  window.flush()
  expect(batches).toHaveLength(1)
  expect(vi.getTimerCount()).toBe(0)
  window.add(job({ id: 1 }))
  vi.advanceTimersByTime(100)
  expect(batches).toHaveLength(2)
})
