import { expect, test } from 'vitest'
import { DueTimer } from '../../../src/events/due-timer.ts'
import { systemClock, type Clock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { silentLog } from '../../../src/model/silent-log.ts'

function setup() {
  const time = { now: 1_000 }
  let timer: { at: number; fn: () => void } | null = null
  const clock: Clock = {
    ...systemClock,
    now: () => time.now,
    afterIdle: (ms, fn) => {
      const mine = { at: time.now + ms, fn }
      timer = mine
      return { cancel: () => timer === mine && (timer = null) }
    },
  }
  const calls: number[] = []
  const waiting: number[] = []
  const fail: Error[] = []
  const provider = {
    due: async (now: number, limit: number) => {
      calls.push(now)
      const error = fail.shift()
      if (error !== undefined) throw error
      const due = waiting.filter((at) => at <= now).slice(0, limit)
      waiting.splice(0, due.length)
      return { moved: due.length, nextAt: waiting[0] ?? null }
    },
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const tick = async (): Promise<void> => {
    const { at, fn } = timer!
    time.now = at
    timer = null
    fn()
    await turn()
  }
  return {
    due: new DueTimer({ provider, clock, log: silentLog }),
    waiting,
    calls,
    fail,
    tick,
    turn,
    next: () => timer?.at,
  }
}

test('events enter the log at their time, and nobody sleeps longer than a second', async () => {
  const { due, waiting, next, tick, turn } = setup()
  waiting.push(1_300, 9_000)
  due.start()
  await turn()
  expect(next()).toBe(1_300)
  await tick()
  expect(waiting).toEqual([9_000])
  expect(next()).toBe(2_300)
})

test('an event that is due sooner wakes the timer sooner', async () => {
  const { due, waiting, next, tick, turn } = setup()
  due.start()
  await turn()
  waiting.push(1_050)
  due.waitsFor(1_050)
  expect(next()).toBe(1_050)
  await tick()
  expect(waiting).toEqual([])
})

test('more events than one call moves are moved at once', async () => {
  const { due, waiting, calls, turn } = setup()
  waiting.push(...Array.from({ length: 2_500 }, () => 900))
  due.start()
  await turn()
  expect([waiting.length, calls.length]).toEqual([0, 3])
})

test('a store that is down is asked again, and nothing is asked once it is closed', async () => {
  const { due, waiting, fail, tick, turn, next } = setup()
  fail.push(new BingoError('BINGO_LOG_UNREACHABLE', 'gone', { retryable: true }))
  waiting.push(900)
  due.start()
  await turn()
  expect(waiting).toEqual([900])
  await tick()
  expect(waiting).toEqual([])
  due.close()
  expect(next()).toBeUndefined()
})
