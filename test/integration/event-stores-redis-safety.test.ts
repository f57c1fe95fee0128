import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { openEventProvider } from '../../src/log/open.ts'
import { systemClock } from '../../src/model/clock.ts'
import type { Log } from '../../src/model/rule/action.ts'
import { silentLog } from '../../src/model/silent-log.ts'
import type { EventProvider } from '../../src/model/state/event-provider.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from '../support/events/new-event.ts'
import { EventRedisServer } from '../support/events/redis-server.ts'
import { RedisCluster, SentinelGroup } from '../support/servers/redis-topologies.ts'
import { startRedis } from '../support/servers/redis.ts'

const opened: EventProvider[] = []
const said: string[] = []
const log: Log = { ...silentLog, warn: (_fields: object, text: string) => said.push(text), child: () => silentLog }

afterEach(async () => {
  said.length = 0
  for (const provider of opened.splice(0)) await provider.close()
})

async function open(url: string, name = 'test'): Promise<EventProvider> {
  const provider = await openEventProvider(url, { name, log, clock: systemClock })
  opened.push(provider)
  return provider
}

describe('what an answer of Redis means', () => {
  test('is what the server is set to, and what can be lost is said at the start', async () => {
    await using server = await EventRedisServer.start([])
    const durabilityOf = async (...settings: string[]): Promise<string> => {
      said.length = 0
      const url = server.create()
      for (let i = 0; i < settings.length; i += 2) {
        await server.cli(url, 'CONFIG', 'SET', settings[i]!, settings[i + 1]!)
      }
      const { can } = await open(url)
      return can.durability
    }
    expect(await durabilityOf()).toBe('memory')
    expect(said).toEqual([expect.stringContaining('a restart of the server loses them')])
    expect(await durabilityOf('appendonly', 'yes')).toBe('server')
    expect(said).toEqual([expect.stringContaining('appendfsync everysec')])
    expect(await durabilityOf('appendfsync', 'always')).toBe('fsync')
    expect(said).toEqual([])
    expect(await durabilityOf('no-appendfsync-on-rewrite', 'yes')).toBe('server')
  })

  test('is an fsync where that is asked for, after the answer to a repeated post too', async () => {
    await using server = await EventRedisServer.start(['--appendonly', 'yes'])
    const provider = await open(server.create('?durability=fsync'))
    expect([provider.can.durability, said]).toEqual(['fsync', []])
    await post(provider, [newEvent(1)])
    await server.kill()
    await server.restart()
    expect((await post(provider, [newEvent(1)]))[0]!.tag).toBe('duplicate')
    await server.cli(provider.description, 'SCRIPT', 'FLUSH')
    expect((await post(provider, [newEvent(2), newEvent(1)])).map(({ tag }) => tag)).toEqual(['stored', 'duplicate'])
  })

  test('follows the server that answers: one without a file says so after a restart', async () => {
    await using server = await EventRedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always'])
    const url = server.create()
    const provider = await open(url)
    expect(provider.can.durability).toBe('fsync')
    await server.cli(url, 'CONFIG', 'SET', 'appendonly', 'no')
    await server.cli(url, 'CLIENT', 'KILL', 'TYPE', 'normal')
    await expect
      .poll(async () => {
        await provider.log.stats().catch(() => undefined)
        return provider.can.durability
      })
      .toBe('memory')
  })

  test('is refused where the server drops events, or cannot sync them', async () => {
    await using server = await EventRedisServer.start([])
    const url = server.create()
    const refused = (words: string) => ({
      code: 'BINGO_LOG_UNSAFE',
      retryable: false,
      message: expect.stringContaining(words) as string,
    })
    await expect(open(`${url}?durability=fsync`)).rejects.toMatchObject(refused('append-only file'))
    await server.cli(url, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await expect(open(url)).rejects.toMatchObject(refused('allkeys-lru'))
    await server.cli(url, 'CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
    await post(await open(url), [newEvent(1)])
  })

  test('waits for replicas where that is asked for, and a post that they have not confirmed is asked for again', async () => {
    await using server = await EventRedisServer.start()
    const url = server.create('?replicas=1')
    const provider = await open(url)
    const refused = {
      code: 'BINGO_LOG_UNREACHABLE',
      retryable: true,
      message: expect.stringContaining('0 of 1') as string,
    }
    await expect(post(provider, [newEvent(1)])).rejects.toMatchObject(refused)
    await using replica = await startRedis({
      args: ['--databases', '5000', '--replicaof', server.server.host, String(server.server.port)],
    })
    await expect.poll(() => replica.cli('INFO', 'replication')).toContain('master_link_status:up')
    expect((await post(provider, [newEvent(1)]))[0]!.tag).toBe('duplicate')
    said.length = 0
    await open(url.replace('?replicas=1', ''))
    expect(said).toEqual([expect.stringContaining('a failover can lose')])
  })

  test('a server whose memory is full refuses posts whole, and keeps what it has', async () => {
    await using server = await EventRedisServer.start()
    const url = server.create()
    const provider = await open(url)
    await post(provider, newEvents(0, 10))
    await server.cli(url, 'CONFIG', 'SET', 'maxmemory', '1')
    const full = { code: 'BINGO_LOG_FULL', retryable: true, hint: expect.stringContaining('maxmemory') as string }
    await expect(post(provider, newEvents(10, 20))).rejects.toMatchObject(full)
    expect(ids(await entriesOf(provider))).toEqual(newEvents(0, 10).map(({ event }) => event.id))
    await server.cli(url, 'CONFIG', 'SET', 'maxmemory', '0')
    expect((await post(provider, newEvents(5, 15))).map(({ tag }) => tag)).toEqual([
      ...Array.from({ length: 5 }, () => 'duplicate'),
      ...Array.from({ length: 5 }, () => 'stored'),
    ])
  })

  test('a login without rights is told which ones it needs, and those are enough', async () => {
    await using server = await EventRedisServer.start()
    const url = server.create()
    const withLogin = url.replace('redis://', 'redis://app:secret@')
    await server.cli(url, 'ACL', 'SETUSER', 'app', 'on', '>secret', '~bingo-events:*', '+@read', '+@connection')
    const provider = await open(withLogin)
    const refused: unknown = await post(provider, [newEvent(1)]).catch((reason: unknown) => reason)
    const hint = expect.stringContaining('~bingo-events:*') as string
    expect(refused).toMatchObject({ code: 'BINGO_LOG_REFUSED', hint })
    const error = refused as Error & { readonly hint: string }
    expect(error.message).not.toContain('secret')
    const rights = /~bingo-events:\* .*$/.exec(error.hint)![0].split(' ')
    await server.cli(url, 'ACL', 'SETUSER', 'app', ...rights)
    await expect.poll(() => post(provider, [newEvent(1)]).then(() => 'stored', String)).toBe('stored')
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['1'])
    await provider.log.ack('g', await placesOf(provider))
    await provider.expire(NOW)
  })
})

describe('a Redis that has lost its last moments', () => {
  /** Goes back to what it was when it saved, as a replica does that takes over without the last writes. */
  async function goBack(server: EventRedisServer): Promise<void> {
    await server.kill()
    await server.restart()
  }

  test('gives no place twice, so an old acknowledgement acknowledges nothing new', async () => {
    await using server = await EventRedisServer.start([])
    const url = server.create()
    const provider = await open(url)
    await post(provider, newEvents(0, 3))
    await server.cli(url, 'SAVE')
    await post(provider, newEvents(3, 6))
    const old = await entriesOf(provider, null, { group: 'g' })
    await goBack(server)
    await expect.poll(() => post(provider, newEvents(6, 9)).then(() => 'stored', String)).toBe('stored')
    const places = new Set(old.map(({ place }) => place))
    const now = await entriesOf(provider)
    expect(ids(now)).toEqual(['0', '1', '2', '6', '7', '8'])
    expect(now.slice(3).filter(({ place }) => places.has(place))).toEqual([])
    await provider.log.ack('g', [...places])
    expect((await provider.log.stats()).groups).toMatchObject([{ pending: 3 }])
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['6', '7', '8'])
  })

  test('hands out again what it does not know as acknowledged any more, except what is still in hand', async () => {
    await using server = await EventRedisServer.start([])
    const url = server.create()
    const provider = await open(url)
    await post(provider, newEvents(0, 4))
    const stop = new AbortController()
    const read: string[] = []
    let newest: string | null = null
    const reading = (async () => {
      while (!stop.signal.aborted) {
        try {
          for await (const { id, place } of provider.log.read(newest, { group: 'g', signal: stop.signal })) {
            read.push(id)
            newest = place
          }
        } catch {
          await delay(20)
        }
      }
    })()
    await expect.poll(() => read.length).toBe(4)
    await server.cli(url, 'SAVE')
    await provider.log.ack('g', (await placesOf(provider)).slice(0, 2))
    await goBack(server)
    await expect.poll(() => read, { timeout: 30_000 }).toEqual(['0', '1', '2', '3', '0', '1'])
    stop.abort()
    await reading
  })

  test('reads a store that was emptied from its beginning', async () => {
    await using server = await EventRedisServer.start()
    const url = server.create()
    const provider = await open(url)
    await post(provider, newEvents(0, 3))
    const stop = new AbortController()
    const reader = provider.log.read(null, { group: 'g', signal: stop.signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 3; i++) await reader.next()
    await server.cli(url, 'FLUSHDB')
    await post(provider, [newEvent('new')])
    expect((await reader.next()).value).toMatchObject({ id: 'new' })
    stop.abort()
    await reader.return?.()
  })
})

describe('events on several servers', () => {
  test('go on with the replica that a Sentinel group makes the master', async () => {
    await using group = await SentinelGroup.start()
    const provider = await open(`${group.url}?replicas=1`)
    await post(provider, newEvents(0, 10))
    await group.master.kill()
    await expect
      .poll(() => entriesOf(provider).then(ids, String), { timeout: 40_000 })
      .toEqual(newEvents(0, 10).map(({ event }) => event.id))
    const second = await open(group.url)
    expect((await post(second, newEvents(5, 12))).map(({ tag }) => tag).slice(4)).toEqual([
      'duplicate',
      'stored',
      'stored',
    ])
  }, 90_000)

  test('are kept by one node of a Cluster, with its fsync', async () => {
    await using cluster = await RedisCluster.start()
    for (const node of cluster.nodes) await node.cli('CONFIG', 'SET', 'appendonly', 'yes')
    const provider = await open(`${cluster.url}?durability=fsync&prefix=shop`)
    expect(provider.can.durability).toBe('fsync')
    await post(provider, [...newEvents(0, 5), newEvent('later', { deliverAt: NOW + 60_000 })])
    expect(await provider.due(NOW + 60_000, 10)).toEqual({ moved: 1, nextAt: null })
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['0', '1', '2', '3', '4', 'later'])
    await provider.log.ack('g', await placesOf(provider))
    expect((await provider.log.stats()).groups).toMatchObject([{ pending: 0 }])
    expect(ids((await provider.list({ limit: 2 })).events)).toEqual(['later', '4'])
  }, 90_000)
})
