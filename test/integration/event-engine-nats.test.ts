import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/model/clock.ts'
import type { EventProvider } from '../../src/model/state/event-provider.ts'
import { startDatabase } from '../support/events/database-server.ts'
import type { DatabaseServer } from '../support/events/database-server.ts'
import { describeEngine, indexFolder } from '../support/events/engine-contract.ts'
import type { EngineServer } from '../support/events/engine-server.ts'
import { checkKept, PostingProcess } from '../support/events/kills.ts'
import { describeLog } from '../support/events/log-contract.ts'
import { startNatsEngine } from '../support/events/nats-engine.ts'
import { entriesOf, ids, newEvent, newEvents, placesOf, post } from '../support/events/new-event.ts'
import type { ProviderSetup } from '../support/events/new-event.ts'
import { describePosting } from '../support/events/provider-contract.ts'
import { openStore } from '../support/events/store-url.ts'

const indexes = indexFolder()
const { newIndex } = indexes

describe('events on NATS JetStream with an index beside it', () => {
  let server: EngineServer

  beforeAll(async () => {
    server = await startNatsEngine()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  describeEngine(() => server, indexes)
})

describe('events on NATS JetStream', () => {
  const openOn = (url: string) => openStore(`${url} ${newIndex()}`, { name: 'test' })

  test('an event that is larger than what the server takes is kept all the same', async () => {
    await using server = await startNatsEngine('max_payload: 4096')
    const provider = await openOn(server.newUrl())
    const events = [
      newEvent('a'),
      newEvent('large', { payload: 'x'.repeat(10_000) }),
      newEvent('b'),
      newEvent('largest', { payload: 'x'.repeat(100_000) }),
    ]
    for (const each of events) await post(provider, [each])
    const entries = await entriesOf(provider)
    expect(ids(entries)).toEqual(['a', 'large', 'b', 'largest'])
    expect(entries[3]!.payload.byteLength).toBeGreaterThan(100_000)
    await provider.close()
  })

  test.each([
    [{ storage: 'memory' as const }, 'in memory'],
    [{ subjects: ['other.*'] }, 'has no subject'],
    [{ no_ack: true }, 'does not acknowledge'],
    [{ retention: 'interest' as const }, 'removes what its consumers have taken'],
    [{ retention: 'workqueue' as const }, 'removes what its consumers have taken'],
    [{ max_age: 3_600e9 }, 'by their age'],
    [{ max_msgs: 1_000_000, discard: 'old' as const }, 'its oldest messages where it is full'],
    [{ max_bytes: 1e9, discard: 'old' as const }, 'its oldest messages where it is full'],
    [{ max_msgs_per_subject: 1_000 }, 'the oldest messages of a subject'],
    [{ subject_transform: { src: '>', dest: 'other.>' } }, 'changes subjects'],
  ])('refuses a stream of somebody else with %j', async (config, words) => {
    await using server = await startNatsEngine()
    const url = server.newUrl()
    await server.make(url, config)
    const provider = await openOn(url)
    const refused = {
      code: 'BINGO_LOG_ENGINE_UNFIT',
      retryable: false,
      message: expect.stringContaining(words) as string,
    }
    await expect(post(provider, [newEvent('a')])).rejects.toMatchObject(refused)
    await expect(entriesOf(provider)).resolves.toEqual([])
    await provider.close()
  })

  test('a stream that is full refuses more, keeps what it has, and takes more once there is room', async () => {
    await using server = await startNatsEngine()
    const url = server.newUrl()
    await server.make(url, { max_msgs: 3, discard: 'new' })
    const provider = await openOn(url)
    await post(provider, newEvents(0, 3))
    const full = { code: 'BINGO_LOG_FULL', retryable: true }
    await expect(post(provider, newEvents(3, 4))).rejects.toMatchObject(full)
    await expect(post(provider, newEvents(4, 5))).rejects.toMatchObject(full)
    await entriesOf(provider, null, { group: 'g' }).catch(() => [])
    await provider.log.ack('g', ['1', '2'])
    await provider.log.trim('3')
    expect((await post(provider, newEvents(3, 5))).map(({ tag }) => tag)).toEqual(['duplicate', 'stored'])
    expect(ids(await entriesOf(provider))).toEqual(['2', '3', '4'])
    await provider.close()
  })

  test('says that an answered event is on disk only where the servers are said to sync always', async () => {
    const of = async (url: string, index: string) =>
      (await openStore(`${url} ${index}`, { name: 'test' })).can.durability
    const url = 'nats://127.0.0.1:1/events'
    expect(await of(url, newIndex())).toBe('server')
    expect(await of(`${url}?sync=interval`, newIndex())).toBe('server')
    expect(await of(`${url}?sync=always`, newIndex())).toBe('fsync')
    expect(await of(`${url}?sync=always`, 'postgres://127.0.0.1:1/bingo')).toBe('server')
  })
})

describe('events on NATS JetStream with an index on PostgreSQL', () => {
  let engine: EngineServer
  let database: DatabaseServer

  beforeAll(async () => {
    ;[engine, database] = await Promise.all([startNatsEngine(), startDatabase('PostgreSQL')])
  })
  afterAll(() => Promise.all([engine[Symbol.asyncDispose](), database[Symbol.asyncDispose]()]))

  const providers: EventProvider[] = []
  afterEach(async () => {
    for (const provider of providers.splice(0)) await provider.close()
  })
  async function open(url: string, name = 'test', { now, ...setup }: ProviderSetup = {}): Promise<EventProvider> {
    const clock = now === undefined ? systemClock : { ...systemClock, now }
    const provider = await openStore(url, { name, ...setup, clock })
    providers.push(provider)
    return provider
  }
  const newUrl = async () => `${engine.newUrl()} ${await database.create()}`
  const openNew = async (setup?: ProviderSetup) => open(await newUrl(), 'test', setup)

  describeLog(openNew)
  describePosting(openNew)

  test('several instances post, and the stream has each event once and in the order of the index', async () => {
    const url = await newUrl()
    const several = await Promise.all(['a', 'b', 'c'].map((name) => open(url, name)))
    await Promise.all(
      several.map(async (provider, p) => {
        for (let n = 0; n < 100; n += 10) {
          await Promise.all(Array.from({ length: 10 }, (_, i) => post(provider, [newEvent(`${p}:${n + i}`)])))
        }
      }),
    )
    expect(await engine.places(url.split(' ')[0]!)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    const read = await Promise.all(several.map(async (provider) => ids(await entriesOf(provider))))
    expect(new Set(read[0]).size).toBe(300)
    expect([read[1], read[2]]).toEqual([read[0], read[0]])
  })

  test('a reader that lost its group in the middle of a batch acknowledges nothing more, and the next one has the rest', async () => {
    const url = await newUrl()
    const [first, second] = [await open(url, 'one'), await open(url, 'two')]
    await post(first, newEvents(0, 40))
    await entriesOf(first, null, { group: 'g' })
    const places = await placesOf(first)
    await first.log.ack('g', places.slice(0, 10))
    // As if the first one had been paused for longer than its leases hold.
    await database.run(url.split(' ')[1]!, 'UPDATE bingo_event_partitions SET lease_until = 0')
    await database.run(url.split(' ')[1]!, 'DELETE FROM bingo_event_members')
    expect(ids(await entriesOf(second, null, { group: 'g' }))).toHaveLength(30)
    const busy = { code: 'BINGO_LOG_GROUP_BUSY', retryable: true }
    await expect(first.log.ack('g', places)).rejects.toMatchObject(busy)
    expect(ids(await entriesOf(second, null, { group: 'g' }))).toHaveLength(30)
  })

  test('what one instance left in the index alone is sent by another one', async () => {
    const url = await newUrl()
    const answered: string[] = []
    for (const life of [1, 2]) {
      await using child = new PostingProcess(url, life, { DIE_BETWEEN: `before:${life * 2}` })
      await child.ended()
      answered.push(...child.answered())
    }
    await checkKept(await open(url), answered)
    const places = await engine.places(url.split(' ')[0]!)
    expect(places).toEqual(places.map((_, i) => i + 1))
  })
})
