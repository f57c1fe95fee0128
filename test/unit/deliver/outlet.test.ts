import { expect, test } from 'vitest'
import { Outlet } from '../../../src/deliver/outlet.ts'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../../src/model/action.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { action, job } from '../../support/jobs.ts'

const { signal } = new AbortController()

function failure(kind: DeliveryFailure['kind']): DeliveryFailure {
  return { kind, error: new BingoError('BINGO_TEST', `made ${kind}`) }
}

function outletOf(send: (jobs: readonly Sendable[]) => SendResult, options: Partial<Target> = {}) {
  const sizes: number[] = []
  const target: Target = {
    gather: 'all',
    maxBatch: 100,
    maxConcurrency: 1,
    send: async (jobs) => {
      sizes.push(jobs.length)
      await systemClock.sleep(1)
      return send(jobs)
    },
    close: () => Promise.resolve(),
    ...options,
  }
  return { outlet: new Outlet(target, systemClock, signal), sizes }
}

const jobs = (count: number) => Array.from({ length: count }, (_, id) => job({ id }))

test('what waits together goes together, where the target takes that', async () => {
  const { outlet, sizes } = outletOf(() => undefined)
  expect(await Promise.all(jobs(250).map((each) => outlet.send(each)))).toEqual(jobs(250).map(() => null))
  expect(sizes).toEqual([100, 100, 50])
})

test('a target of lanes gets one after the other', async () => {
  const { outlet, sizes } = outletOf(() => undefined, { gather: 'lane' })
  await Promise.all(jobs(3).map((each) => outlet.send(each)))
  expect(sizes).toEqual([1, 1, 1])
})

test('each job is told its own failure', async () => {
  const { outlet } = outletOf((batch) => batch.map((_, i) => (i === 1 ? failure('poison') : null)))
  const results = await Promise.all(jobs(3).map((each) => outlet.send(each)))
  expect(results.map((result) => result?.kind ?? null)).toEqual([null, 'poison', null])
})

test('once the target is down nothing more is sent', async () => {
  const { outlet, sizes } = outletOf((batch) => batch.map(() => failure('down')), { maxBatch: 2 })
  const results = await Promise.all(jobs(5).map((each) => outlet.send(each)))
  expect(results.map((result) => result?.kind)).toEqual(Array.from({ length: 5 }, () => 'down'))
  expect((await outlet.send(job()))?.kind).toBe('down')
  expect(sizes).toEqual([2])
})

test('the rate of an action holds here too', async () => {
  const { outlet, sizes } = outletOf(() => undefined)
  const slow = action({ ratePerSecond: 100 })
  const many = Array.from({ length: 20 }, (_, id) => job({ id, action: slow }))
  await Promise.all(many.map((each) => outlet.send(each)))
  // A tenth of a second's worth at once, the rest as the rate allows.
  expect(sizes[0]).toBeLessThanOrEqual(11)
  expect(sizes.reduce((a, b) => a + b)).toBe(20)
})
