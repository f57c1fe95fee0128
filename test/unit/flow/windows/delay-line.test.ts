import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DelayLine } from '../../../../src/flow/windows/delay-line.ts'
import type { Clock } from '../../../../src/model/clock.ts'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { steadyWallTime, systemClock } from '../../../../src/model/clock.ts'
import { job } from '../../../support/jobs.ts'

const DELAY_MS = 30_000
const HOUR_MS = 3_600_000

let wallMs: number
let monotonicMs: number
const clock: Clock = { ...systemClock, now: () => wallMs, monotonicMs: () => monotonicMs }
let released: InFlightJob[]
let line: DelayLine

beforeEach(() => {
  vi.useFakeTimers()
  // The commit time of the jobs in test/support/jobs.ts, to the millisecond.
  wallMs = 1_700_000_000_000
  monotonicMs = 5_000
  released = []
  line = new DelayLine(DELAY_MS, (each) => released.push(each), clock, steadyWallTime(clock))
})
afterEach(() => {
  line.stop()
  vi.useRealTimers()
})

function pass(ms: number): void {
  wallMs += ms
  monotonicMs += ms
  vi.advanceTimersByTime(ms)
}

test('an event leaves when its delay has passed since its commit', () => {
  pass(10_000)
  line.add(job())
  pass(19_000)
  expect(released).toHaveLength(0)
  pass(2_000)
  expect(released).toHaveLength(1)
})

test.each([HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS])(
  'a wall clock that is set by %i ms changes no delay, of what waits and of what comes',
  (jumpMs) => {
    line.add(job({ id: 1 }))
    wallMs += jumpMs
    line.add(job({ id: 2 }))
    pass(29_000)
    expect(released).toHaveLength(0)
    pass(2_000)
    expect(released).toHaveLength(2)
  },
)

test('a clock that is behind the server’s makes no delay longer', () => {
  wallMs -= HOUR_MS
  line = new DelayLine(DELAY_MS, (each) => released.push(each), clock, steadyWallTime(clock))
  line.add(job())
  pass(DELAY_MS + 1)
  expect(released).toHaveLength(1)
})

test('a shorter delay applies to what waits, a longer one only to new events', () => {
  line.add(job({ id: 1 }))
  line.useDelay(10_000)
  pass(9_000)
  expect(released).toHaveLength(0)
  line.add(job({ id: 2 }))
  line.useDelay(60_000)
  line.add(job({ id: 3 }))
  pass(2_000)
  expect(released.map(({ change }) => change.new!['id'])).toEqual([1, 2])
  line.useDelay(0)
  expect(released).toHaveLength(3)
  expect(line.size).toBe(0)
})
