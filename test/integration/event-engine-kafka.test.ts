import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { EventProvider } from '../../src/model/state/event-provider.ts'
import { describeEngine, indexFolder, lookedUp } from '../support/events/engine-contract.ts'
import { startKafkaEngine } from '../support/events/kafka-engine.ts'
import type { KafkaEngineServer } from '../support/events/kafka-engine.ts'
import { entriesOf, ids, newEvent, newEvents, placesOf, post } from '../support/events/new-event.ts'
import { openStore } from '../support/events/store-url.ts'

const indexes = indexFolder()
const { newIndex } = indexes

let server: KafkaEngineServer

beforeAll(async () => {
  server = await startKafkaEngine()
})
afterAll(() => server[Symbol.asyncDispose]())

describe('events on Kafka with an index beside it', () => {
  describeEngine(() => server, indexes)
})

describe('events on Kafka', () => {
  const opened: EventProvider[] = []

  afterEach(async () => {
    for (const provider of opened.splice(0)) await provider.close()
  })
  async function openOn(url: string, index = newIndex()): Promise<EventProvider> {
    const provider = await openStore(`${url} ${index}`, { name: 'test' })
    opened.push(provider)
    return provider
  }

  test('an event that is larger than what the topic takes is kept all the same, and large ones share no batch', async () => {
    const url = server.newUrl()
    await server.make(url, { 'max.message.bytes': '4096' })
    const provider = await openOn(url)
    const sizes = [10, 3_000, 10_000, 3_000, 3_000, 100_000, 10, 3_000]
    const events = sizes.map((size, i) => newEvent(i, { payload: 'x'.repeat(size) }))
    await Promise.all(events.map((each) => post(provider, [each])))
    const entries = await entriesOf(provider)
    expect(ids(entries)).toEqual(ids(events.map(({ event }) => event)))
    expect(entries[5]!.payload.byteLength).toBeGreaterThan(100_000)
    expect(await server.places(url)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  test.each([
    ['', { 'cleanup.policy': 'compact' }, 'the topic is compacted'],
    ['', { 'retention.ms': '604800000' }, 'removes records by retention.ms=604800000'],
    ['', { 'retention.bytes': '1000000' }, 'removes records by retention.bytes=1000000'],
    ['&sync=always', {}, 'not synced with each record'],
  ])('refuses a topic of somebody else with %s %j', async (options, config, words) => {
    const url = `${server.newUrl()}${options}`
    await server.make(url, config)
    const provider = await openOn(url)
    const refused = {
      code: 'BINGO_LOG_ENGINE_UNFIT',
      retryable: false,
      message: expect.stringContaining(words) as string,
    }
    await expect(post(provider, [newEvent('a')])).rejects.toMatchObject(refused)
    expect(await provider.get({ environment: 'default', id: 'a' })).toBe(null)
  })

  test('says that an answered event is on disk only where the topic is synced with each record', async () => {
    const always = await openOn(`${server.newUrl()}&sync=always`)
    const usual = await openOn(server.newUrl())
    await post(always, [newEvent('a')])
    await post(usual, [newEvent('a')])
    expect([always.can.durability, usual.can.durability]).toEqual(['fsync', 'server'])
  })

  test('keys are in the order of the index in their partition, and readers merge the partitions', async () => {
    const url = server.newUrl()
    const provider = await openOn(url)
    const events = newEvents(0, 600).map(({ event: { id } }) => newEvent(id, { key: `key-${Number(id) % 7}` }))
    await Promise.all(events.map((each) => post(provider, [each])))
    const partitions = await server.partitions(url)
    expect(partitions.filter((places) => places.length > 0).length).toBeGreaterThan(1)
    for (const places of partitions) expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(ids(await entriesOf(provider))).toEqual(events.map(({ event }) => event.id))
    const places = await placesOf(provider)
    expect(ids(await entriesOf(provider, places[299]!))).toEqual(events.slice(300).map(({ event }) => event.id))
  })

  test('what is in the topic twice is read once, in its place', async () => {
    const url = server.newUrl()
    const index = newIndex()
    const provider = await openOn(url, index)
    await post(provider, newEvents(0, 30))
    await provider.close()
    await lookedUp(index, async ({ log }) => {
      const engine = server.open(url)
      await engine.append(await log.identity(), await log.entries(10))
      await engine.close()
    })
    expect((await server.places(url)).length).toBe(50)
    const again = await openOn(url, index)
    await post(again, newEvents(30, 40))
    expect(ids(await entriesOf(again))).toEqual(newEvents(0, 40).map(({ event }) => event.id))
  })
})
