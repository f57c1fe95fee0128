import { afterEach, describe, expect, test } from 'vitest'
import { redis } from '../../src/targets/redis/action.ts'
import type { Sendable, Target } from '../../src/model/rule/action.ts'
import { silentLog } from '../support/jobs.ts'
import { sendUntilTaken, summary } from '../support/redelivery.ts'
import { startRedis } from '../support/servers/redis.ts'
import { RedisCluster, SentinelGroup } from '../support/servers/redis-topologies.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const opened: Target[] = []

afterEach(async () => {
  for (const target of opened.splice(0)) await target.close()
})

function jobs(url: string, fields: object, ids: readonly number[]): Sendable[] {
  const { plan } = compile({ type: 'redis', url, ...fields }, { timeoutMs: 5_000 })
  return ids.map((id) => jobFor(plan, { id, status: id }))
}

async function open(url: string): Promise<Target> {
  const { plan } = compile({ type: 'redis', url, cmd: 'DEL', key: 'k' })
  const target = await redis.open(plan.target, { log: silentLog, now: Date.now })
  opened.push(target)
  return target
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe('a Sentinel group', () => {
  test('whose master is killed: the backlog goes to the promoted replica, complete', async () => {
    await using group = await SentinelGroup.start()
    const target = await open(group.url)
    const set = (ids: readonly number[], value: string): Sendable[] =>
      jobs(group.url, { cmd: 'SET', key: 'k:{{id}}', value }, ids)
    expect(await target.send(set(upTo(500), 'old'), new AbortController().signal)).toBeUndefined()
    await group.master.kill('SIGKILL')
    const down = await target.send(set([1], 'new'), new AbortController().signal)
    expect(summary(down)).toEqual(['down BINGO_REDIS_UNREACHABLE'])
    await sendUntilTaken(target, set(upTo(1_000), 'new'))
    expect((await group.replica.cli('INFO', 'replication')).split('\r\n')).toContain('role:master')
    const values = await group.replica.cli('MGET', ...upTo(1_000).map((id) => `k:${id}`))
    expect(new Set(values.trim().split('\n'))).toEqual(new Set(['new']))
  })

  test('a master that is demoted while events are in flight refuses them; they wait for the new master', async () => {
    await using group = await SentinelGroup.start()
    const target = await open(group.url)
    await sendUntilTaken(target, jobs(group.url, { cmd: 'INCRBY', key: 'n' }, [1]))
    await group.sentinel.cli('SENTINEL', 'FAILOVER', 'main')
    for (let i = 0; i < 20; i++)
      await sendUntilTaken(target, jobs(group.url, { cmd: 'RPUSH', key: 'l', value: i }, [1]))
    await expect.poll(() => group.replica.cli('INFO', 'replication')).toContain('role:master')
    // Until it is told, the old master takes writes that it will lose. The Sentinel takes 10 s to tell it; this does not.
    await group.master.cli('REPLICAOF', group.replica.host, String(group.replica.port))
    await sendUntilTaken(target, jobs(group.url, { cmd: 'RPUSH', key: 'l', value: 'last' }, [1]))
    expect((await group.replica.cli('LINDEX', 'l', '-1')).trim()).toBe('last')
  })
})

describe('a Cluster of three nodes', () => {
  test('accepts keys of all slots in one send; those of a killed node wait until it is up again', async () => {
    await using cluster = await RedisCluster.start()
    const { url } = cluster
    const target = await open(url)
    const ids = upTo(300)
    const set = (value: string): Sendable[] => jobs(url, { cmd: 'SET', key: 'k:{{id}}', value }, ids)
    await sendUntilTaken(target, [...set('old'), ...jobs(url, { cmd: 'DEL', key: 'k:{{id}}' }, ids), ...set('new')])
    const sizes = await Promise.all(cluster.nodes.map(async (node) => Number(await node.cli('DBSIZE'))))
    expect(sizes.reduce((sum, size) => sum + size)).toBe(300)
    expect(Math.min(...sizes)).toBeGreaterThan(0)
    const [, killed] = cluster.nodes
    await killed!.kill('SIGKILL')
    const result = await target.send(jobs(url, { cmd: 'UNLINK', key: 'k:{{id}}' }, ids), new AbortController().signal)
    expect(new Set(result?.map((failure) => failure?.kind ?? 'taken'))).toContain('down')
    await killed!.restart()
    await sendUntilTaken(target, jobs(url, { cmd: 'UNLINK', key: 'k:{{id}}' }, ids))
    for (const node of cluster.nodes) expect((await node.cli('DBSIZE')).trim()).toBe('0')
  })
})

describe('a single server', () => {
  test('that becomes a replica refuses; when it is a master again it receives the backlog', async () => {
    await using master = await startRedis()
    await using server = await startRedis()
    const target = await open(server.url)
    await sendUntilTaken(target, jobs(server.url, { cmd: 'SET', key: 'k', value: 'old' }, [1]))
    await server.cli('REPLICAOF', master.host, String(master.port))
    const set = jobs(server.url, { cmd: 'SET', key: 'k', value: 'new' }, [1])
    const refused = await target.send(set, new AbortController().signal)
    expect(summary(refused)).toEqual(['down BINGO_REDIS_REFUSED'])
    expect(refused?.[0]?.error.hint).toContain('replica')
    await server.cli('REPLICAOF', 'NO', 'ONE')
    await sendUntilTaken(target, set)
    expect((await server.cli('GET', 'k')).trim()).toBe('new')
  })

  test('that is paused is down after the timeout of the action; nothing runs twice when it resumes', async () => {
    await using server = await startRedis()
    const target = await open(server.url)
    const { plan } = compile({ type: 'redis', url: server.url, cmd: 'DEL', key: 'k' }, { timeoutMs: 200 })
    await sendUntilTaken(target, [jobFor(plan)])
    await server.kill('SIGSTOP')
    const result = await target.send([jobFor(plan)], new AbortController().signal)
    await server.kill('SIGCONT')
    expect(summary(result)).toEqual(['down BINGO_REDIS_UNREACHABLE'])
    expect(result?.[0]?.error.message).toContain('200 ms')
    await sendUntilTaken(target, [jobFor(plan)])
  })

  test('a stream keeps about `maxlen` entries, the newest ones: whole nodes are cut off, never more than that', async () => {
    await using server = await startRedis({ args: ['--stream-node-max-entries', '100'] })
    const target = await open(server.url)
    const fields = { cmd: 'XADD', key: 'x', fields: { id: '{{id}}' }, maxlen: 250 }
    await sendUntilTaken(target, jobs(server.url, fields, upTo(1_000)))
    const length = Number(await server.cli('XLEN', 'x'))
    expect(length).toBeGreaterThanOrEqual(250)
    expect(length).toBeLessThan(250 + 100)
    expect(await server.cli('XREVRANGE', 'x', '+', '-', 'COUNT', '1')).toContain('999')
  })
})
