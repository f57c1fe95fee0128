import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StoreClock } from '../../src/state/dead-letters/expiry.ts'
import { RedisDeadLetterStore } from '../../src/state/dead-letters/redis-store.ts'
import { systemClock } from '../../src/model/clock.ts'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { interleaved } from '../support/interleaved-redis.ts'
import { silentLog } from '../support/jobs.ts'
import { describeStore, EDITED, expectNamed, letter, listed, ROOMY } from '../unit/state/dead-letters/contract.ts'

let server: RedisServer
const opened: RedisDeadLetterStore[] = []

beforeAll(async () => {
  server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
})
afterAll(() => server.stop())
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const open = (name: string, limits = ROOMY, clock: StoreClock = systemClock): RedisDeadLetterStore => {
  const store = new RedisDeadLetterStore(openRedis(server.url, { log: silentLog, name: 'test' }), name, limits, clock)
  opened.push(store)
  return store
}

function openInterleaved(
  name: string,
  steps: (() => Promise<unknown>)[],
  limits = ROOMY,
  clock: StoreClock = systemClock,
): RedisDeadLetterStore {
  const redis = interleaved(openRedis(server.url, { log: silentLog, name: 'test' }), steps)
  const store = new RedisDeadLetterStore(redis, name, limits, clock)
  opened.push(store)
  return store
}

describe('dead letters in Redis', () => {
  let stores = 0
  describeStore(async (limits, clock) => open(`store-${++stores}`, limits, clock))

  test.each(EDITED)(
    'name an entry that somebody has edited, keep it, and let it be dropped (%#)',
    async (edit, fault) => {
      const name = `edited-${++stores}`
      // Old entries are looked for with each that is added: one whose age nobody knows is in nobody's way, and stays.
      const store = open(name, { ...ROOMY, maxAgeMs: 1e15 })
      await store.add([letter(1), letter(2), letter(3)])
      const [key, id] = [`bingo:{${name}}:dead-letters`, letter(2).id]
      const redis = new Redis(server.port, server.host)
      const [body, parked] = (await redis.hget(key, id))!.split('\n') as [string, string]
      await redis.hset(key, id, `${edit(body)}\n${parked}`)
      redis.disconnect()
      await expectNamed(store, fault)
    },
  )

  test('survive a Redis that is killed', async () => {
    const store = open('killed')
    await store.add([letter(1), letter(2)])
    await server.kill('SIGKILL')
    await server.restart()
    expect(await listed(open('killed'))).toEqual(['1', '2'])
  })

  test('are listed as they are at one moment, whatever somebody else does between two commands', async () => {
    const store = open('moving')
    await store.add([letter(1), letter(2), letter(3)])
    const again = letter(1, { createdAt: 9_000 })
    const move = async () => {
      await store.remove([letter(1).id, letter(2).id])
      await store.add([again])
    }
    const reader = openInterleaved('moving', [move])
    const seen: string[] = []
    for await (const each of reader.list({ limit: 3 })) seen.push(`${each.rowKey.at(-1)} ${each.createdAt}`)
    expect(seen).toEqual(['1 1001', '2 1002', '3 1003'])
  })

  test('that came again while old ones are removed stay', async () => {
    const store = open('expiring')
    await store.add([letter(1), letter(2)])
    const now = 100_000
    const move = async () => {
      await store.remove([letter(1).id])
      await store.add([letter(1, { createdAt: now })])
    }
    const limits = { ...ROOMY, maxAgeMs: 1_000 }
    const expiring = openInterleaved('expiring', [move], limits, {
      ...systemClock,
      now: () => now,
      monotonicMs: () => now,
    })
    await expiring.add([letter(3, { createdAt: now })])
    expect(await listed(store)).toEqual(['1', '3'])
  })

  test('of two instances do not mix', async () => {
    await open('one').add([letter(1)])
    expect(await open('two').count()).toBe(0)
  })
})
