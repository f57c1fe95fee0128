import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { LockLease } from '../../src/sources/mysql/lease/lock-lease.ts'
import { leaseKey, RedisLease } from '../../src/state/lease/redis-lease.ts'
import { RedisStateStore } from '../../src/state/redis/state-store.ts'
import { eventually } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { describeState } from '../unit/state/contract.ts'
import { describeLease, describeToldRelease } from '../unit/state/lease/contract.ts'
import type { OpenLease } from '../unit/state/lease/contract.ts'

const TTL_MS = 2_000

let mysql: Awaited<ReturnType<typeof startMysql>>
let mariadb: Awaited<ReturnType<typeof startMariadb>>
let redis: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, mariadb, redis] = await Promise.all([startMysql(), startMariadb(), startRedis({})])
})

afterAll(async () => {
  await Promise.all([mysql?.stop(), mariadb?.stop(), redis?.stop()])
})

const redisLease = (name: string, holder: string, ttlMs: number, url = redis.url) =>
  new RedisLease(openRedis(url, { log: silentLog, name: 'test' }), { key: leaseKey(name), holder, ttlMs })

const kinds: readonly (readonly [string, OpenLease])[] = [
  ['Redis', redisLease],
  ['a lock of MySQL', (name, _holder, ttlMs) => new LockLease(parseSourceUrl(mysql.url), name, ttlMs)],
  ['a lock of MariaDB', (name, _holder, ttlMs) => new LockLease(parseSourceUrl(mariadb.url), name, ttlMs)],
]

describe.each(kinds)('a lease in %s', (kind, open) => {
  describeLease(open, TTL_MS)
  if (kind === 'Redis') describeToldRelease(open, TTL_MS)
})

describe('state in Redis', () => {
  let places = 0
  const opened: RedisStateStore[] = []
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
  })
  const open = (name: string, url = redis.url) => {
    const store = new RedisStateStore(openRedis(url, { log: silentLog, name: 'test', commandTimeoutMs: 2_000 }), name)
    opened.push(store)
    return store
  }

  describeState(() => {
    const name = `place-${++places}`
    return async () => open(name)
  })

  test('of two instances does not mix', async () => {
    await open('one').save('a', 'x', null)
    expect(await open('two').load('a')).toBeNull()
  })

  test('applies a write once whose answer was lost in transit', async () => {
    const store = open('lost')
    await store.save('a', 'one', null)
    await redis.kill('SIGSTOP')
    await expect(store.save('a', 'two', 1)).rejects.toMatchObject({ code: 'BINGO_STATE_UNREACHABLE', retryable: true })
    await redis.kill('SIGCONT')
    await eventually('it was written', async () => (await store.load('a').catch(() => null))?.version === 2)
    expect(await store.save('a', 'two', 1)).toBe(true)
    expect(await store.load('a')).toEqual({ value: 'two', version: 2 })
  })

  test.each([
    ['version is not a number of 1 or more', ['HSET', 'version', 'x']],
    ['version is not a number of 1 or more', ['HSET', 'version', '0']],
    ['version is not a number of 1 or more', ['HDEL', 'version']],
    ['value is missing', ['HDEL', 'value']],
  ])(
    'that somebody has edited is refused by its key, or no save would ever end: %s',
    async (fault, [command, ...rest]) => {
      const store = open(`edited-${++places}`)
      await store.save('a', 'one', null)
      const look = openRedis(redis.url, { log: silentLog, name: 'look' })
      await look.run(
        (client) => client.call(command!, `bingo:{edited-${places}}:state:a`, ...rest),
        (error) => error as Error,
      )
      await look.close()
      await expect(store.load('a')).rejects.toMatchObject({
        code: 'BINGO_STATE_CORRUPT',
        message: `The state in ${store.description} a is corrupt: ${fault}`,
      })
    },
  )

  test('that cannot be reached is an error that may pass', async () => {
    await expect(open('away', 'redis://127.0.0.1:1').load('a')).rejects.toMatchObject({
      code: 'BINGO_STATE_UNREACHABLE',
      retryable: true,
    })
  })
})

test('a lock whose connection the server has dropped is free, and its holder learns it', async () => {
  const lease = new LockLease(parseSourceUrl(mysql.url), 'dropped', TTL_MS)
  await lease.ask()
  const [row] = await mysql.query<{ id: number }>("SELECT IS_USED_LOCK('bingo:dropped') AS id")
  await mysql.query(`KILL ${row!.id}`)
  await eventually('it is asked again', async () => (await lease.ask().catch(() => null))?.tag === 'taken')
  await lease.close()
})

test('an unavailable store is a retryable error', async () => {
  const away = redisLease('x', 'one', 200, 'redis://127.0.0.1:1')
  await expect(away.ask()).rejects.toMatchObject({ code: 'BINGO_LEASE_UNREACHABLE', retryable: true })
  await away.close()
})
