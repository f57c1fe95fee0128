import { expect, test } from 'vitest'
import { RateLimit } from '../../../../src/deliver/queue/rate-limit.ts'
import { systemClock } from '../../../../src/model/clock.ts'

test('a rate allows a tenth of a second at once, then the configured rate', () => {
  let now = 0
  const limit = new RateLimit(500, { ...systemClock, monotonicMs: () => now })
  expect(limit.take(100)).toBe(50)
  expect(limit.take(1)).toBe(0)
  expect(limit.waitMs()).toBe(2)
  now = 20
  expect(limit.take(100)).toBe(10)
  now = 10_000
  expect(limit.take(1_000)).toBe(50)
})

test('a rate below one per second allows one at a time', () => {
  let now = 0
  const limit = new RateLimit(0.5, { ...systemClock, monotonicMs: () => now })
  expect(limit.take(5)).toBe(1)
  expect(limit.waitMs()).toBe(2_000)
  now = 2_000
  expect(limit.take(5)).toBe(1)
})
