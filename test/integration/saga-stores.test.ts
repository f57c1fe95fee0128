import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { openSagaStore } from '../../src/state/open.ts'
import type { SagaStore } from '../../src/model/saga/store.ts'
import { RedisSagaStore } from '../../src/state/sagas/redis-store.ts'
import { interleaved } from '../support/interleaved-redis.ts'
import { silentLog } from '../support/jobs.ts'
import { add, describeSagaStore, sagaInstance } from '../support/sagas/store-contract.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'
import { eventually } from '../support/daemon.ts'
import { RedisCluster, SentinelGroup } from '../support/servers/redis-topologies.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'

const opened: SagaStore[] = []
let databases = 0

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

async function open(url: string, name = 'bingo'): Promise<SagaStore> {
  const settings = { name, checkpoint: 'memory:', deadLetters: undefined, log: silentLog }
  const store = await openSagaStore(settings, url)
  opened.push(store)
  return store
}

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
  ['PostgreSQL', startPostgres],
] as const)('sagas in %s', (_name, start) => {
  let server: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server.stop())

  const fresh = async (): Promise<string> => {
    const name = `sagas${++databases}`
    const create = `CREATE DATABASE ${name}`
    if ('query' in server) await server.query(create)
    else {
      const admin = new pg.Client({ connectionString: server.url })
      await admin.connect()
      await admin.query(create)
      await admin.end()
    }
    const url = new URL(server.url)
    url.pathname = `/${name}`
    return url.href
  }

  describeSagaStore(async () => {
    const url = await fresh()
    return () => open(url)
  })

  test('two that start one saga at a time: one of them does', async () => {
    const url = await fresh()
    const stores = [await open(url), await open(url)]
    await Promise.all(stores.map((store) => store.nextDue()))
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    const answers = await Promise.all(
      keys.flatMap((key) => stores.map(async (store) => (await add(store, sagaInstance(key)))[0])),
    )
    expect(answers.filter((isSaved) => isSaved)).toHaveLength(50)
    expect((await stores[0]!.counts())[0]!.count).toBe(50)
  })
})

describe('sagas in Redis', () => {
  let server: RedisServer
  let names = 0
  beforeAll(async () => {
    server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  })
  afterAll(() => server.stop())

  describeSagaStore(async () => {
    const name = `place-${++names}`
    return () => open(server.url, name)
  })

  test('two that start one saga at a time: one of them does', async () => {
    const stores = [await open(server.url, 'both'), await open(server.url, 'both')]
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    const answers = await Promise.all(
      keys.flatMap((key) => stores.map(async (store) => (await add(store, sagaInstance(key)))[0])),
    )
    expect(answers.filter((isSaved) => isSaved)).toHaveLength(50)
    expect((await stores[0]!.counts())[0]!.count).toBe(50)
  })

  test('survive a Redis that is killed, with what is due and who leads', async () => {
    const store = await open(server.url, 'killed')
    const epoch = await store.claim()
    await add(store, sagaInstance('a', { dueAt: 7 }), sagaInstance('b', { status: 'completed', endedAt: 9 }))
    await store.save([{ instance: sagaInstance('a', { dueAt: 8, revision: 2 }), from: 1 }], [], epoch)
    await server.kill('SIGKILL')
    await expect(store.nextDue()).rejects.toMatchObject({ code: 'BINGO_SAGA_STORE_UNREACHABLE', retryable: true })
    await server.restart()
    const after = await open(server.url, 'killed')
    expect(await after.load([{ saga: 'order', key: 'a' }])).toEqual([sagaInstance('a', { dueAt: 8, revision: 2 })])
    expect(await after.nextDue()).toBe(8)
    expect((await after.counts()).map(({ status }) => status).toSorted()).toEqual(['completed', 'running'])
    expect(await after.claim()).toBeGreaterThan(epoch)
  })

  test('of all that was saved before a kill in the middle, everything that was answered is there', async () => {
    const store = await open(server.url, 'middle')
    const answered: string[] = []
    const writing = (async () => {
      for (let i = 0; ; i++) {
        await add(store, sagaInstance(`k${i}`, { dueAt: i + 1 }))
        answered.push(`k${i}`)
      }
    })().catch(() => undefined)
    while (answered.length < 50) await new Promise((resolve) => setImmediate(resolve))
    await server.kill('SIGKILL')
    await writing
    await server.restart()
    const after = await open(server.url, 'middle')
    const found = await after.load(answered.map((key) => ({ saga: 'order', key })))
    expect(found.map((each) => each?.key)).toEqual(answered)
    const [{ count } = { count: 0 }] = await after.counts()
    // The last one may be there, and not have been answered; whatever is there is there as a whole.
    expect(await after.due(10_000, 10_000)).toHaveLength(count)
  })

  test('of two instances do not mix, and leave no instance, definition or group behind when all were removed', async () => {
    const store = await open(server.url, 'one')
    await add(store, sagaInstance('a', { status: 'completed', endedAt: 5 }))
    expect(await (await open(server.url, 'two')).counts()).toEqual([])
    expect(await store.removeEnded(6, 10)).toBe(1)
    const redis = openRedis(server.url, { log: silentLog, name: 'look' })
    await redis.whenReady(5_000)
    expect(await redis.client.keys('bingo:{one}:sagas*')).toEqual(['bingo:{one}:sagas:sequence'])
    await redis.close()
  })

  test('are listed as they are at one moment, whatever somebody else does between two commands', async () => {
    const store = await open(server.url, 'moving')
    await add(store, sagaInstance('a'), sagaInstance('b'), sagaInstance('c'))
    const ended = { status: 'completed', endedAt: 9, revision: 2 } as const
    const steps = [
      () => store.save([{ instance: sagaInstance('a', ended), from: 1 }], [], null),
      () => store.save([{ instance: sagaInstance('b', ended), from: 1 }], [], null),
    ]
    const redis = interleaved(openRedis(server.url, { log: silentLog, name: 'test' }), steps)
    const reader = new RedisSagaStore(redis, 'moving')
    opened.push(reader)
    const { instances } = await reader.list({}, { limit: 5, after: null })
    expect(instances.map(({ key, status }) => `${key} ${status}`)).toEqual(['c running', 'b running', 'a running'])
    const running = await reader.list({ status: ['running'] }, { limit: 5, after: null })
    expect(running.instances.map(({ key, status }) => `${key} ${status}`)).toEqual(['c running', 'b running'])
  })

  test('are found by the beginning of their key behind very many others', async () => {
    const store = await open(server.url, 'many')
    await add(store, sagaInstance('wanted', { startedAt: 1 }))
    await add(store, ...Array.from({ length: 1_200 }, (_, i) => sagaInstance(`k${i}`)))
    const { instances, next } = await store.list({ keyPrefix: 'wan' }, { limit: 5, after: null })
    expect(instances.map(({ key }) => key)).toEqual(['wanted'])
    expect(next).toBeNull()
  })
})

describe('sagas in several Redis servers', () => {
  const moved = (revision: number) => sagaInstance('a', { dueAt: revision, revision })

  test('stay through a failover that Sentinels make, and the store says what it can lose', async () => {
    await using group = await SentinelGroup.start()
    const store = await open(group.url, 'sentinel')
    const epoch = await store.claim()
    await add(store, sagaInstance('a', { dueAt: 1 }))
    expect(await store.risks!()).toEqual([
      expect.objectContaining({ severity: 'warning', message: expect.stringContaining('appendonly no') }),
      expect.objectContaining({ severity: 'note', message: expect.stringContaining('a failover of Redis can lose') }),
    ])
    const client = openRedis(group.url, { log: silentLog, name: 'wait' })
    await client.whenReady(5_000)
    await client.client.call('WAIT', 1, 5_000)
    await client.close()
    await group.master.kill('SIGKILL')
    await eventually('the replica leads', async () => {
      const saved = await store.save([{ instance: moved(2), from: 1 }], [], epoch).catch(() => [false])
      // An answer that was lost: it is stored.
      return saved[0] === true || (await store.nextDue().catch(() => null)) === 2
    })
    expect(await store.load([{ saga: 'order', key: 'a' }])).toEqual([moved(2)])
    expect(await store.claim()).toBeGreaterThan(epoch)
  })

  test('of a Cluster are in one node, with all that belongs to them', async () => {
    await using cluster = await RedisCluster.start()
    const store = await open(cluster.url, 'cluster')
    const epoch = await store.claim()
    await add(store, sagaInstance('a', { dueAt: 1 }), sagaInstance('b', { status: 'completed', endedAt: 9 }))
    expect(await store.save([{ instance: moved(2), from: 1 }], [], epoch)).toEqual([true])
    expect((await store.list({}, { limit: 5, after: null })).instances).toHaveLength(2)
    expect(await store.due(5, 5)).toEqual([moved(2)])
    expect(await store.removeEnded(10, 10)).toBe(1)
    expect((await store.risks!()).map(({ severity }) => severity)).toEqual(['warning', 'note'])
  })
})

test('the settings of a Redis say what it can lose of sagas', async () => {
  await using stack = new AsyncDisposableStack()
  const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  stack.defer(() => server.stop())
  const store = await open(server.url)
  expect(await store.risks!()).toEqual([])
  await server.cli('CONFIG', 'SET', 'appendfsync', 'everysec')
  await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
  expect(await store.risks!()).toEqual([
    expect.objectContaining({ severity: 'note', message: expect.stringContaining('(appendfsync everysec)') }),
  ])
  await server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  expect((await store.risks!()).map(({ severity }) => severity)).toEqual(['warning', 'note'])
})

test('a server that is not there is told, and may be there later', async () => {
  const store = await open('mysql://root@127.0.0.1:1/sagas')
  await expect(store.nextDue()).rejects.toMatchObject({ code: 'BINGO_SAGA_STORE_UNREACHABLE', retryable: true })
})
