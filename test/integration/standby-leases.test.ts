import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRedis } from '../../src/clients/redis.ts'
import type { Lease } from '../../src/model/lease.ts'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { LockLease } from '../../src/sources/mysql/lease/lock-lease.ts'
import { RedisLease } from '../../src/state/lease/redis-lease.ts'
import { eventually } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

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

type Open = (name: string, holder: string) => Lease

const kinds: readonly (readonly [string, Open])[] = [
  ['Redis', (name, holder) => new RedisLease(openRedis(redis.url, { log: silentLog, name }), name, holder, TTL_MS)],
  ['a lock of MySQL', (name) => new LockLease(parseSourceUrl(mysql.url), name, TTL_MS)],
  ['a lock of MariaDB', (name) => new LockLease(parseSourceUrl(mariadb.url), name, TTL_MS)],
]

describe.each(kinds)('a lease in %s', (kind, open) => {
  const name = (what: string) => `${kind}-${what}`.replaceAll(' ', '-')

  test('belongs to one at a time, is renewed by its holder, and is free once it was given back', async () => {
    const [one, two] = [open(name('one'), 'one'), open(name('one'), 'two')]
    expect(await one.ask()).toMatchObject({ tag: 'taken' })
    expect(await one.ask()).toEqual({ tag: 'held' })
    const answer = await two.ask()
    expect(answer.tag).toBe('other')
    expect(answer.tag === 'other' && answer.remainingMs).toBeGreaterThan(0)
    await one.release()
    expect(await two.ask()).toMatchObject({ tag: 'taken' })
    expect(await one.ask()).toMatchObject({ tag: 'other' })
    await Promise.all([one.close(), two.close()])
  })

  test('ends by itself when its holder is silent, and not before', async () => {
    const [one, two] = [open(name('silent'), 'one'), open(name('silent'), 'two')]
    await one.ask()
    await delay(TTL_MS / 2)
    expect(await one.ask()).toEqual({ tag: 'held' })
    await delay(TTL_MS / 2)
    expect(await two.ask()).toMatchObject({ tag: 'other' })
    await eventually('the lease has ended', async () => (await two.ask()).tag === 'taken')
    expect(await one.ask()).toMatchObject({ tag: 'other' })
    await Promise.all([one.close(), two.close()])
  })

  test('is one per name', async () => {
    const [one, two] = [open(name('left'), 'one'), open(name('Left'), 'one')]
    expect(await one.ask()).toMatchObject({ tag: 'taken' })
    expect(await two.ask()).toMatchObject({ tag: 'taken' })
    await Promise.all([one.close(), two.close()])
  })
})

test('a lease in Redis tells whether it was given back or fell silent', async () => {
  const [one, two] = [kinds[0]![1]('told', 'one'), kinds[0]![1]('told', 'two')]
  expect(await one.ask()).toEqual({ tag: 'taken', after: 'silence' })
  await one.release()
  expect(await two.ask()).toEqual({ tag: 'taken', after: 'release' })
  await Promise.all([one.close(), two.close()])
})

test('a lock whose connection the server has dropped is free, and its holder learns it', async () => {
  const lease = kinds[1]![1]('dropped', 'one')
  await lease.ask()
  const [row] = await mysql.query<{ id: number }>("SELECT IS_USED_LOCK('bingo:dropped') AS id")
  await mysql.query(`KILL ${row!.id}`)
  await eventually('it is asked again', async () => (await lease.ask().catch(() => null))?.tag === 'taken')
  await lease.close()
})

test('a store that is away is an error that may pass', async () => {
  const away = new RedisLease(openRedis('redis://127.0.0.1:1', { log: silentLog, name: 'x' }), 'x', 'one', 200)
  await expect(away.ask()).rejects.toMatchObject({ code: 'BINGO_LEASE_UNREACHABLE', retryable: true })
  await away.close()
})
