import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redis as redisType } from '../../src/targets/redis/action.ts'
import type { Sendable, SendResult, Target } from '../../src/model/rule/action.ts'
import type { DeliveryRun, ReplayMark } from '../../src/model/delivery/delivery-run.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'
import { inForm } from '../support/forms.ts'

const { signal } = new AbortController()
let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL')
})

function runOf(epoch: number | null, window: DeliveryRun['window'] = null): DeliveryRun {
  return { name: 'test', epoch, window }
}

async function open(run: DeliveryRun, url = server.url): Promise<Target & AsyncDisposable> {
  const { plan } = compile({ type: 'redis', url, cmd: 'INCRBY', key: 'k', exactlyOnce: true })
  const target = await redisType.open(plan.target, { log: silentLog, now: Date.now, run })
  return Object.assign(target, { [Symbol.asyncDispose]: () => target.close() })
}

function jobs(fields: { [name: string]: unknown }, ...ids: number[]): Sendable[] {
  const { plan } = compile({ type: 'redis', url: server.url, exactlyOnce: true, ...fields })
  return ids.map((id) => jobFor(plan, { id, status: id }, id))
}

const get = async (...command: string[]): Promise<string> => (await server.cli('--raw', ...command)).trim()
const kinds = (result: SendResult) => result?.map((failure) => failure?.kind ?? null)

/** At every third the line is cut as well. */
const KILLS = inForm({ short: 3, long: 12 })

describe('with exactlyOnce', () => {
  test('an event that is sent again has no second effect, in any batch', async () => {
    await using target = await open(runOf(1))
    const first = [
      ...jobs({ cmd: 'INCRBY', key: 'n', value: '2' }, 1, 2),
      ...jobs({ cmd: 'RPUSH', key: 'l', value: '{{id}}' }, 3),
      ...jobs({ cmd: 'XADD', key: 'x', fields: { id: '{{id}}' } }, 4),
      ...jobs({ cmd: 'ZADD', key: 'z', args: ['INCR', '1.5', 'm'] }, 5),
    ]
    expect(await target.send(first, signal)).toBeUndefined()
    const again = [...jobs({ cmd: 'INCRBY', key: 'n', value: '2' }, 2, 6), ...first.toReversed()]
    expect(await target.send(again, signal)).toBeUndefined()
    expect(await get('GET', 'n')).toBe('6')
    expect(await get('LRANGE', 'l', '0', '-1')).toBe('3')
    expect(await get('XLEN', 'x')).toBe('1')
    expect(await get('ZSCORE', 'z', 'm')).toBe('1.5')
  })

  test('other commands of the send run in their places, and run again', async () => {
    await using target = await open(runOf(1))
    const plain = (fields: { [name: string]: unknown }) => jobs({ ...fields, exactlyOnce: false }, 1)
    const batch = [
      ...jobs({ cmd: 'RPUSH', key: 'l', value: 'a' }, 1),
      ...plain({ cmd: 'DEL', key: 'l' }),
      ...jobs({ cmd: 'RPUSH', key: 'l', value: 'b' }, 2),
      ...plain({ cmd: 'SET', key: 's', value: 'x' }),
    ]
    expect(await target.send(batch, signal)).toBeUndefined()
    expect(await get('LRANGE', 'l', '0', '-1')).toBe('b')
    expect(await target.send(batch.slice(1), signal)).toBeUndefined()
    expect(await get('EXISTS', 'l')).toBe('0')
  })

  test('data is never a command: texts that look like one arrive as they are', async () => {
    await using target = await open(runOf(1))
    const value = `"]] redis.call('FLUSHALL') -- \r\n*1\r\n$8\r\nFLUSHALL\r\n`
    await server.cli('SET', 'witness', '1')
    expect(await target.send(jobs({ cmd: 'RPUSH', key: value, value }, 1), signal)).toBeUndefined()
    expect(await server.cli('--raw', 'LINDEX', value, '0')).toContain(value)
    expect(await get('GET', 'witness')).toBe('1')
  })

  test('an invalid command fails alone, and counts once it is fixed', async () => {
    await using target = await open(runOf(1))
    await server.cli('SET', 'text', 'x')
    const batch = [...jobs({ cmd: 'INCRBY', key: 'n' }, 1), ...jobs({ cmd: 'INCRBY', key: 'text' }, 2)]
    expect(kinds(await target.send(batch, signal))).toEqual([null, 'poison'])
    await server.cli('DEL', 'text')
    expect(await target.send(batch, signal)).toBeUndefined()
    expect([await get('GET', 'n'), await get('GET', 'text')]).toEqual(['1', '1'])
  })

  test('out of memory nothing of the send is lost, duplicated or reordered', async () => {
    await using target = await open(runOf(1))
    const batch = [
      ...jobs({ cmd: 'RPUSH', key: 'l', value: '{{id}}' }, 1),
      ...jobs({ cmd: 'DEL', key: 'other', exactlyOnce: false }, 2),
      ...jobs({ cmd: 'RPUSH', key: 'l', value: '{{id}}' }, 3),
    ]
    await server.cli('CONFIG', 'SET', 'maxmemory', '1')
    expect(kinds(await target.send(batch, signal))).toEqual(['down', 'down', 'down'])
    await server.cli('CONFIG', 'SET', 'maxmemory', '0')
    expect(await target.send(batch, signal)).toBeUndefined()
    expect((await get('LRANGE', 'l', '0', '-1')).split('\n')).toEqual(['1', '3'])
  })

  test('an older run is fenced by the record of a newer one', async () => {
    await using older = await open(runOf(7))
    await using newer = await open(runOf(8))
    expect(await older.send(jobs({ cmd: 'INCRBY', key: 'n' }, 1), signal)).toBeUndefined()
    expect(await newer.send(jobs({ cmd: 'INCRBY', key: 'n' }, 2), signal)).toBeUndefined()
    const refused = await older.send(jobs({ cmd: 'INCRBY', key: 'n' }, 3), signal)
    expect(refused).toMatchObject([{ kind: 'down', error: { message: expect.stringContaining('run 8') } }])
    expect(await get('GET', 'n')).toBe('2')
  })

  test('what no restart can bring again is forgotten, and nothing else', async () => {
    let newest = 0
    let stored = 0
    let caughtUp = false
    const window = {
      mark: () => [newest],
      passed: ([mark]: ReplayMark) => stored >= mark!,
      get caughtUp() {
        return caughtUp
      },
    }
    await using target = await open(runOf(1, window))
    const send = async (id: number): Promise<void> => {
      newest += 1
      expect(await target.send(jobs({ cmd: 'INCRBY', key: 'n' }, id), signal)).toBeUndefined()
    }
    const recorded = async (): Promise<number> =>
      Number(await get('SCARD', 'bingo:{test}:applied')) + Number(await get('SCARD', 'bingo:{test}:applied:before'))
    for (let id = 1; id <= 10; id++) await send(id)
    stored = newest
    await delay(1_100)
    await send(11)
    expect(await recorded()).toBe(11)
    // Everything of earlier runs has been read again.
    caughtUp = true
    for (const last of [12, 13]) {
      await delay(1_100)
      stored = newest + 1
      await send(last)
      await delay(50)
    }
    await eventually('old effects are forgotten', async () => (await recorded()) <= 1)
    // The newest, which the checkpoint may not have passed, is still known.
    await send(13)
    expect(await get('GET', 'n')).toBe('13')
  })

  test('an event that took effect but became a dead letter stays on record until the dead letter is removed', async () => {
    let stored = 0
    const window = { mark: () => [stored], passed: () => true, caughtUp: true }
    await using daemon = await open(runOf(1, window))
    await using retry = await open(runOf(null))
    const [kept, ended] = jobs({ cmd: 'INCRBY', key: 'n' }, 1, 2)
    expect(await daemon.send([kept!, ended!], signal)).toBeUndefined()
    await daemon.beforeDeadLetter!([kept!, ...jobs({ cmd: 'INCRBY', key: 'n' }, 3)])
    for (let round = 0; round < 3; round++) {
      await delay(1_100)
      stored += 1
      expect(await daemon.send(jobs({ cmd: 'INCRBY', key: 'other' }, 10 + round), signal)).toBeUndefined()
    }
    await eventually('the rest is forgotten', async () => (await get('SCARD', 'bingo:{test}:applied:before')) <= '1')
    expect(await get('SMEMBERS', 'bingo:{test}:applied:retried')).toContain('/1@')
    expect(await retry.send([kept!, ...jobs({ cmd: 'INCRBY', key: 'n' }, 3)], signal)).toBeUndefined()
    expect(await get('GET', 'n')).toBe('3')
    await retry.afterRedelivery!([kept!, ...jobs({ cmd: 'INCRBY', key: 'n' }, 3)])
    expect(await get('EXISTS', 'bingo:{test}:applied:retried')).toBe('0')
  })

  test('a node of a Cluster is refused, by check --online and when it is used', async () => {
    const node = await startRedis({ args: ['--cluster-enabled', 'yes'] })
    try {
      await using target = await open(runOf(1), node.url)
      const result = await target.send(jobs({ cmd: 'INCRBY', key: 'n' }, 1), signal)
      expect(result).toMatchObject([{ kind: 'down', error: { code: 'BINGO_REDIS_EXACTLY_ONCE_CLUSTER' } }])
      const { plan } = compile({ type: 'redis', url: node.url, cmd: 'INCRBY', key: 'k', exactlyOnce: true })
      const context = { log: silentLog, now: Date.now }
      expect(await redisType.inspect!(plan, context)).toMatchObject([{ code: 'BINGO_REDIS_EXACTLY_ONCE_CLUSTER' }])
    } finally {
      await node.stop()
    }
  })
})

test('after kill -9 under load, with lost replies, every counter is exact', async () => {
  const rules = `rules:
  - id: once
    table: shop.counted
    actions:
      - {type: redis, cmd: INCRBY, key: total, value: "{{new.amount}}", exactlyOnce: true}
      - {type: redis, cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}", exactlyOnce: true}
  - id: plain
    table: shop.counted
    actions:
      - {type: redis, cmd: INCRBY, key: plain, value: "{{new.amount}}"}
`
  const rows = 20
  const mysql = await startMysql({ gtid: true })
  await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: server.port })
  try {
    await mysql.query('CREATE DATABASE shop')
    await mysql.query('CREATE TABLE shop.counted (id INT PRIMARY KEY, seq INT NOT NULL, amount INT NOT NULL)')
    await using bingo = await Daemon.start({
      rules,
      sourceUrl: mysql.url,
      env: { BINGO_REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    })
    const values = Array.from({ length: rows }, (_, i) => `(${i + 1}, 1, 1)`).join(',')
    await mysql.query(`INSERT INTO shop.counted VALUES ${values}`)
    let expected = rows
    let last = 1
    let writing = true
    const writer = (async () => {
      for (; writing; last++) {
        const amount = 1 + (last % 7)
        await mysql.query('UPDATE shop.counted SET seq = seq + 1, amount = ?', [amount])
        expected += rows * amount
        await delay(3)
      }
    })()
    for (let cycle = 0; cycle < KILLS; cycle++) {
      await delay(300 + 100 * (cycle % 6))
      proxy.dropReplies = true
      await delay(100)
      if (cycle % 3 === 2) proxy.cut()
      await bingo.stop('SIGKILL')
      proxy.dropReplies = false
      bingo.spawn()
      await bingo.ready()
    }
    writing = false
    await writer
    await eventually('everything has arrived', async () => Number(await get('GET', 'total')) >= expected)
    await eventually('nothing is under way', async () => (await bingo.metric('bingo_in_flight_jobs')) === 0)
    expect(Number(await get('GET', 'total'))).toBe(expected)
    for (let row = 1; row <= rows; row++) {
      const seen = (await get('LRANGE', `row:${row}`, '0', '-1')).split('\n').map(Number)
      expect(seen).toEqual(Array.from({ length: last }, (_, i) => i + 1))
    }
    expect(Number(await get('GET', 'plain'))).toBeGreaterThanOrEqual(expected)
  } finally {
    await mysql.stop()
  }
})
