import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redis as redisType } from '../../src/targets/redis/action.ts'
import type { Sendable, SendResult, Target } from '../../src/model/rule/action.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { InFlightJob } from '../../src/model/delivery/in-flight-job.ts'
import { silentLog } from '../support/jobs.ts'
import { changeOf, tableOf } from '../support/match-tables.ts'
import { rulesFrom } from '../support/rules-from-text.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
let server: RedisServer
let target: Target

beforeAll(async () => {
  server = await startRedis()
  target = await openTarget(server.url)
})
afterAll(async () => {
  await target.close()
  await server.stop()
})
beforeEach(() => server.cli('FLUSHALL'))

async function openTarget(url: string): Promise<Target> {
  const { plan } = compile({ type: 'redis', url, cmd: 'DEL', key: 'k' })
  const opened = await redisType.open(plan.target, { log: silentLog, now: Date.now })
  await until(async () => (await opened.send(jobs({ cmd: 'DEL', key: 'nothing' }), signal)) === undefined)
  return opened
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

function jobs(fields: { [name: string]: unknown }, ...ids: number[]): Sendable[] {
  const { plan } = compile({ type: 'redis', ...fields })
  return (ids.length === 0 ? [1] : ids).map((id) => jobFor(plan, { id, status: id }))
}

const kinds = (result: SendResult) => result?.map((failure) => failure?.kind ?? null)

describe('the Redis target', () => {
  test('deletes 5,000 keys with five commands', async () => {
    await server.cli('EVAL', "for i = 1, 5000 do redis.call('SET', 'k:' .. i, 'x') end", '0')
    await server.cli('CONFIG', 'RESETSTAT')
    const ids = Array.from({ length: 5_000 }, (_, i) => i + 1)
    expect(await target.send(jobs({ cmd: 'UNLINK', key: 'k:{{id}}' }, ...ids), signal)).toBeUndefined()
    expect((await server.cli('DBSIZE')).trim()).toBe('0')
    expect(await server.cli('INFO', 'commandstats')).toMatch(/cmdstat_unlink:calls=5,/)
  })

  test('writes whole rows into hashes, and removes the fields that have become NULL', async () => {
    const users = tableOf({ id: 'bigint', name: 'varchar', email: 'varchar' })
    const [rule] = rulesFrom(
      'rules:\n  - {id: r, table: users, actions: [{type: redis, cmd: HSET, key: "u:{{id}}", fields: "{{new}}"}]}',
    )
    const plan = rule!.actions[0]!
    const before = { id: 1, name: 'Ada', email: 'a@x' }
    const changes = [changeOf(null, before, users), changeOf(before, { id: 1, name: null, email: 'b@x' }, users)]
    const hold = { release: () => undefined }
    const sent = changes.map((change) => new InFlightJob(plan, change, plan.bind(users)(change), 0, 0, hold, null))
    expect(await target.send(sent, signal)).toBeUndefined()
    expect((await server.cli('HGETALL', 'u:1')).trim().split('\n')).toEqual(['id', '1', 'email', 'b@x'])
  })

  test('runs every command of the allowlist', async () => {
    const all = [
      ...jobs({ cmd: 'SET', key: 's', value: 'é😀', ttl: 60_000 }),
      ...jobs({ cmd: 'SET', key: 'e', value: '1' }),
      ...jobs({ cmd: 'EXPIRE', key: 'e', ttl: 50_000 }),
      ...jobs({ cmd: 'HSET', key: 'h', fields: { a: '{{id}}', b: 'x' } }),
      ...jobs({ cmd: 'HDEL', key: 'h', field: 'b' }),
      ...jobs({ cmd: 'INCRBY', key: 'i', value: 5 }),
      ...jobs({ cmd: 'HINCRBY', key: 'hi', field: 'f', value: 5 }),
      ...jobs({ cmd: 'ZINCRBY', key: 'zi', member: 'm', value: 1.5 }),
      ...jobs({ cmd: 'LPUSH', key: 'l', value: 'a' }),
      ...jobs({ cmd: 'RPUSH', key: 'l', value: 'b' }),
      ...jobs({ cmd: 'SADD', key: 'set', member: 'a', args: ['b'] }),
      ...jobs({ cmd: 'SREM', key: 'set', member: 'a' }),
      ...jobs({ cmd: 'ZADD', key: 'z', score: 1.5, member: 'm', args: undefined }),
      ...jobs({ cmd: 'ZADD', key: 'z', score: 2, member: 'n' }),
      ...jobs({ cmd: 'ZREM', key: 'z', member: 'n' }),
      ...jobs({ cmd: 'PUBLISH', channel: 'c' }),
      ...jobs({ cmd: 'XADD', key: 'x', fields: { id: '{{id}}' }, maxlen: 10 }),
    ]
    expect(await target.send(all, signal)).toBeUndefined()
    const read = async (...command: string[]): Promise<string> => (await server.cli(...command)).trim()
    expect(await read('GET', 's')).toBe('é😀')
    expect(Number(await read('TTL', 'e'))).toBeGreaterThan(0)
    expect(await read('HGETALL', 'h')).toBe('a\n1')
    expect(await read('GET', 'i')).toBe('5')
    expect(await read('LRANGE', 'l', '0', '-1')).toBe('a\nb')
    expect(await read('SMEMBERS', 'set')).toBe('b')
    expect(await read('ZRANGE', 'z', '0', '-1')).toBe('m')
    expect(await read('XLEN', 'x')).toBe('1')
  })

  test('keeps the order of commands on one key', async () => {
    const set = (value: string): Sendable[] => jobs({ cmd: 'SET', key: 'k', value })
    await target.send([...set('1'), ...jobs({ cmd: 'DEL', key: 'k' }), ...set('2'), ...set('3')], signal)
    expect((await server.cli('GET', 'k')).trim()).toBe('3')
  })

  test('fails only the invalid command, as poison', async () => {
    await server.cli('SET', 'text', 'x')
    const batch = [
      ...jobs({ cmd: 'SET', key: 'a', value: '1' }),
      ...jobs({ cmd: 'LPUSH', key: 'text', value: 'x' }),
      ...jobs({ cmd: 'INCRBY', key: 'text' }),
      ...jobs({ cmd: 'SET', key: 'b', value: '1' }),
    ]
    const result = await target.send(batch, signal)
    expect(kinds(result)).toEqual([null, 'poison', 'poison', null])
    expect(result?.[1]?.error.message).toContain('WRONGTYPE')
    expect(result?.[1]?.answer).toEqual({ status: 'WRONGTYPE', text: expect.stringContaining('wrong kind of value') })
    expect((await server.cli('GET', 'b')).trim()).toBe('1')
  })

  test('a lack of memory discards the whole batch: nothing of it runs, everything waits', async () => {
    await server.cli('CONFIG', 'SET', 'maxmemory', '1')
    try {
      const batch = [
        ...jobs({ cmd: 'INCRBY', key: 'count' }),
        ...jobs({ cmd: 'DEL', key: 'other' }),
        ...jobs({ cmd: 'INCRBY', key: 'count' }),
      ]
      const result = await target.send(batch, signal)
      expect(kinds(result)).toEqual(['down', 'down', 'down'])
      expect(result?.[0]?.error.hint).toContain('maxmemory')
      await server.cli('CONFIG', 'SET', 'maxmemory', '0')
      expect(await target.send(batch, signal)).toBeUndefined()
      expect((await server.cli('GET', 'count')).trim()).toBe('2')
    } finally {
      await server.cli('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  test('a replica means that the events wait', async () => {
    await using master = await startRedis()
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    const { plan } = compile({ type: 'redis', url: replica.url, cmd: 'DEL', key: 'k' })
    const opened = await redisType.open(plan.target, { log: silentLog, now: Date.now })
    let result: SendResult
    await until(async () => {
      result = await opened.send(jobs({ cmd: 'DEL', key: 'k' }), signal)
      return result?.[0]?.error.code === 'BINGO_REDIS_REFUSED'
    })
    expect(kinds(result)).toEqual(['down'])
    await opened.close()
  })

  test('a server that is killed and restarted receives events again, and runs none twice', async () => {
    await using other = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
    const opened = await openTarget(other.url)
    await other.kill('SIGKILL')
    const down = await opened.send(jobs({ cmd: 'INCRBY', key: 'n' }), signal)
    expect(kinds(down)).toEqual(['down'])
    expect(down?.[0]?.error.code).toBe('BINGO_REDIS_UNREACHABLE')
    await other.restart()
    await until(async () => (await opened.send(jobs({ cmd: 'INCRBY', key: 'n' }), signal)) === undefined)
    expect((await other.cli('GET', 'n')).trim()).toBe('1')
    await opened.close()
  })

  test('in a Cluster, keys go slot by slot and commands of a key keep their order', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
    await node.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await until(async () => (await node.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'))
    const opened = await openTarget(node.url.replace('redis://', 'redis+cluster://'))
    const ids = Array.from({ length: 200 }, (_, i) => i)
    const value = (text: string): Sendable[] => jobs({ cmd: 'SET', key: 'k:{{id}}', value: text }, ...ids)
    const batch = [...value('old'), ...jobs({ cmd: 'DEL', key: 'k:{{id}}' }, ...ids), ...value('new')]
    expect(await opened.send(batch, signal)).toBeUndefined()
    expect((await node.cli('GET', 'k:7')).trim()).toBe('new')
    expect(await opened.send(jobs({ cmd: 'UNLINK', key: 'k:{{id}}' }, ...ids), signal)).toBeUndefined()
    expect((await node.cli('DBSIZE')).trim()).toBe('0')
    const wrong = [...value('x').slice(0, 2), ...jobs({ cmd: 'LPUSH', key: 'k:{{id}}', value: 'x' }, 0)]
    expect(kinds(await opened.send(wrong, signal))).toEqual([null, null, 'poison'])
    await opened.close()
  })
})
