import { expect, test, vi } from 'vitest'
import type { Clock } from '../../../../src/model/clock.ts'
import { DeadlineError } from '../../../../src/model/with-deadline.ts'
import { settleAll } from '../../../../src/targets/failure/settle-all.ts'

const forever = (): Promise<void> => new Promise(() => undefined)
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('answers what each was rejected with, in the order given, whichever ends first', async () => {
  const error = new Error('refused')
  const late = turn().then(() => undefined)
  expect(await settleAll([late, Promise.reject(error), Promise.resolve()], 60_000)).toEqual([
    null,
    { reason: error },
    null,
  ])
})

test('answers at once where there is nothing to wait for', async () => {
  expect(await settleAll([], 60_000)).toEqual([])
})

test('what is pending when the time is up is rejected; what was settled before stays so', async () => {
  const after = vi.fn<Clock['after']>(() => ({ cancel: () => undefined }))
  const outcomes = settleAll([Promise.resolve(), forever()], 5_000, undefined, { after })
  await turn()
  const [ms, timeIsUp] = after.mock.calls[0]!
  timeIsUp()
  expect(ms).toBe(5_000)
  expect(await outcomes).toEqual([null, { reason: expect.any(DeadlineError) }])
})

test('what cuts off rejects the rest with its reason, and is not listened to any longer', async () => {
  const listeners = new Set<(reason: unknown) => void>()
  const outcomes = settleAll([Promise.resolve(), forever()], 60_000, (cutOff) => {
    listeners.add(cutOff)
    return () => void listeners.delete(cutOff)
  })
  await turn()
  for (const cutOff of listeners) cutOff('blocked')
  expect(await outcomes).toEqual([null, { reason: 'blocked' }])
  expect(listeners.size).toBe(0)
})
