import { expect, test, vi } from 'vitest'
import type { RedisClient } from '../../../../src/clients/redis/redis.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import { lastAttempts } from '../../../../src/sources/broker/last-attempts.ts'
import { Acknowledgements } from '../../../../src/sources/broker/redis/acknowledgements.ts'
import type { StreamCommands } from '../../../../src/sources/broker/redis/commands.ts'
import { newLease } from '../../../../src/sources/broker/redis/stream-lease.ts'
import { recordingLog } from '../../../support/recording-source.ts'

test('what fails is tried again until it succeeds', async () => {
  let attempts = 0
  expect(await lastAttempts(() => Promise.resolve(++attempts === 4), systemClock)).toBe(true)
  expect(attempts).toBe(4)
})

test('what never succeeds, is never answered or throws is given up', async () => {
  vi.useFakeTimers()
  try {
    const outcomes = [
      lastAttempts(() => Promise.resolve(false), systemClock),
      lastAttempts(() => new Promise(() => undefined), systemClock),
      lastAttempts(() => Promise.reject(new Error('broken')), systemClock),
    ]
    await vi.runAllTimersAsync()
    expect(await Promise.all(outcomes)).toEqual([false, false, false])
  } finally {
    vi.useRealTimers()
  }
})

test('entries of Redis are acknowledged once the connection is back, and none twice', async () => {
  const acknowledged: string[] = []
  let failures = 2
  const commands: Pick<StreamCommands, 'acknowledge'> = {
    acknowledge: (_client, _stream, ids) => {
      if (failures-- > 0) return Promise.reject(new Error('the connection was cut'))
      acknowledged.push(...ids)
      return Promise.resolve()
    },
  }
  const acknowledgements = new Acknowledgements({
    commands: commands as StreamCommands,
    client: () => ({}) as RedisClient,
    log: recordingLog([]),
  })
  const lease = { ...newLease('orders'), handed: ['1-0', '2-0', '3-0'] }
  acknowledgements.add(new Map([[lease, '2-0']]))
  acknowledgements.add(new Map([[lease, '3-0']]))
  expect(await lastAttempts(() => acknowledgements.sendOwed(), systemClock)).toBe(true)
  expect(acknowledged).toEqual(['1-0', '2-0', '3-0'])
})
