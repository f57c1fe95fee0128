import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StoreClock } from '../../src/state/dead-letters/expiry.ts'
import { RedisDeadLetterStore } from '../../src/state/dead-letters/redis-store.ts'
import { systemClock } from '../../src/model/clock.ts'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { silentLog } from '../support/jobs.ts'
import { describeStore, letter, listed, ROOMY } from '../unit/state/dead-letters/contract.ts'

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

describe('dead letters in Redis', () => {
  let stores = 0
  describeStore(async (limits, clock) => open(`store-${++stores}`, limits, clock))

  test('survive a Redis that is killed', async () => {
    const store = open('killed')
    await store.add([letter(1), letter(2)])
    await server.kill('SIGKILL')
    await server.restart()
    expect(await listed(open('killed'))).toEqual(['1', '2'])
  })

  test('of two instances do not mix', async () => {
    await open('one').add([letter(1)])
    expect(await open('two').count()).toBe(0)
  })
})
