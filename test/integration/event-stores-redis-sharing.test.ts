import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openEventProvider } from '../../src/log/open.ts'
import { systemClock, type Clock } from '../../src/model/clock.ts'
import type { EventProvider } from '../../src/model/state/event-provider.ts'
import { GROUP, patiently, Reader, Work } from '../support/events/group-readers.ts'
import { entriesOf, ids, newEvent, newEvents, placesOf, post } from '../support/events/new-event.ts'
import { EventRedisServer } from '../support/events/redis-server.ts'

const MEMBERS = 'bingo-events:{events}:members:g'
const KEYS = 40
/** Of a process that is paused or dead: it does not say any more that it is there. */
const SILENT: Clock = { ...systemClock, every: () => ({ cancel: () => undefined }) }

describe('several instances that read one group on Redis', () => {
  let server: EventRedisServer
  const opened: EventProvider[] = []
  const readers: Reader[] = []

  beforeAll(async () => {
    server = await EventRedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const reader of readers.splice(0)) await reader.stop()
    for (const provider of opened.splice(0)) await provider.close()
  })

  async function open(url: string, name: string, clock: Clock = systemClock): Promise<EventProvider> {
    const provider = await openEventProvider(url, { name, clock })
    opened.push(provider)
    return provider
  }

  async function read(url: string, name: string, work: Work): Promise<Reader> {
    const reader = new Reader(await open(url, name), work)
    readers.push(reader)
    return reader
  }

  /** Posts rounds of one event for each key, until it is told to stop. */
  function postRounds(provider: EventProvider, pauseMs = 2) {
    let isStopped = false
    const posted: string[] = []
    const done = (async () => {
      for (let n = 0; !isStopped; n++) {
        const round = Array.from({ length: KEYS }, (_, k) => newEvent(`${k}:${n}`, { key: `key-${k}` }))
        await patiently(() => post(provider, round))
        posted.push(...round.map(({ event }) => event.id))
        await delay(pauseMs)
      }
    })()
    return {
      posted,
      async stop(): Promise<void> {
        isStopped = true
        await done
      },
    }
  }

  test('one that reads what it has just posted does not ask the server for it', async () => {
    const url = server.create()
    const provider = await open(url, 'one')
    const work = new Work()
    const reader = new Reader(provider, work)
    readers.push(reader)
    await post(provider, [newEvent('0:0')])
    await work.hasFinished(1)
    const pages = async (): Promise<number> => {
      const stats = await server.cli(url, 'INFO', 'commandstats')
      return Number(/cmdstat_zrangebyscore:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    }
    const before = await pages()
    for (let n = 1; n <= 100; n++) {
      await post(provider, [newEvent(`0:${n}`)])
      await work.hasFinished(n + 1)
    }
    // Each page of entries is asked for with what is acknowledged among them. One that was slow may have been told to look.
    expect((await pages()) - before).toBeLessThan(30)
    expect(work.outOfOrder()).toEqual([])
  })

  test('one that is behind reads what others have appended between and behind its own posts', async () => {
    const url = server.create()
    const [own, other] = [await open(url, 'own'), await open(url, 'other')]
    const stop = new AbortController()
    const entries = own.log.read(null, { group: GROUP, signal: stop.signal })[Symbol.asyncIterator]()
    const next = async (): Promise<string | undefined> => (await entries.next()).value?.id
    await post(own, [newEvent('first')])
    expect(await next()).toBe('first')
    const rounds = [
      ['own 1', 'own 2', 'other 1', 'other 2'],
      ['other 3', 'own 3'],
      ['own 4', 'other 4', 'own 5', 'other 5'],
    ]
    for (const ids of rounds) {
      for (const id of ids) await post(id.startsWith('own') ? own : other, [newEvent(id)])
      // It is told of all of them before it reads on.
      await delay(100)
      const read: (string | undefined)[] = []
      for (const _ of ids) read.push(await next())
      expect(read).toEqual(ids)
    }
    stop.abort()
    await entries.return?.(undefined)
  })

  test('share its events, each once and each key in its order, while instances come and go', async () => {
    const url = server.create()
    const work = new Work()
    const poster = postRounds(await open(url, 'poster'))
    const first = await read(url, 'one', work)
    await first.hasFinished(200)
    const second = await read(url, 'two', work)
    const third = await read(url, 'three', work)
    await second.hasFinished(200)
    await third.hasFinished(200)
    await first.stop()
    const before = third.finished
    await third.hasFinished(before + 500)
    const again = await read(url, 'one again', work)
    await again.hasFinished(200)
    await poster.stop()
    await work.hasFinished(poster.posted.length)
    expect(work.ids.toSorted()).toEqual(poster.posted.toSorted())
    expect(work.outOfOrder()).toEqual([])
  })

  test('take over what a dead instance has not finished, before anything newer of the same keys', async () => {
    const url = server.create()
    const work = new Work()
    const poster = postRounds(await open(url, 'poster'))
    const dead = await open(url, 'dead', SILENT)
    const inHand: string[] = []
    for await (const { id } of dead.log.read(null, { group: GROUP, signal: new AbortController().signal })) {
      inHand.push(id)
      if (inHand.length === 100) break
    }
    const reader = await read(url, 'alive', work)
    await delay(100)
    // As if it had said nothing for longer than its lease.
    await expel(url, 'dead')
    await reader.hasFinished(inHand.length + 500)
    await poster.stop()
    await work.hasFinished(poster.posted.length)
    expect(work.ids.toSorted()).toEqual(poster.posted.toSorted())
    expect(work.ids).toEqual(expect.arrayContaining(inHand))
    expect(work.outOfOrder()).toEqual([])
  })

  test('one that lost its partitions acknowledges nothing of them, and reads nothing until it has its share again', async () => {
    const url = server.create()
    const [first, second] = [await open(url, 'one', SILENT), await open(url, 'two')]
    await post(first, newEvents(0, 20))
    expect(ids(await entriesOf(first, null, { group: GROUP }))).toHaveLength(20)
    await expel(url, 'one')
    expect(ids(await entriesOf(second, null, { group: GROUP }))).toEqual(newEvents(0, 20).map(({ event }) => event.id))
    const refused = {
      code: 'BINGO_LOG_GROUP_BUSY',
      retryable: true,
      message: expect.stringContaining('two (process') as string,
    }
    await expect(first.log.ack(GROUP, await placesOf(first))).rejects.toMatchObject(refused)
    expect(ids(await entriesOf(first, null, { group: GROUP }))).toEqual([])
    await second.log.ack(GROUP, await placesOf(second))
    expect((await second.log.stats()).groups).toMatchObject([{ name: GROUP, pending: 0 }])
  })

  test('one that was paused hands out nothing more of what it had read before, once its lease has run out', async () => {
    const url = server.create()
    const paused = { ms: 0 }
    const clock: Clock = { ...SILENT, monotonicMs: () => performance.now() + paused.ms }
    const [first, second] = [await open(url, 'one', clock), await open(url, 'two')]
    await post(first, newEvents(0, 20))
    const stop = new AbortController()
    const reader = first.log.read(null, { group: GROUP, signal: stop.signal })[Symbol.asyncIterator]()
    for (const id of ['0', '1', '2']) expect((await reader.next()).value).toMatchObject({ id })
    paused.ms = 20_000
    await expel(url, 'one')
    expect(ids(await entriesOf(second, null, { group: GROUP }))).toHaveLength(20)
    const next = reader.next()
    expect(await Promise.race([next, delay(500, 'nothing')])).toBe('nothing')
    await second.log.ack(GROUP, await placesOf(second))
    await second.close()
    paused.ms = 40_000
    await post(first, newEvents(20, 21))
    expect((await next).value).toMatchObject({ id: '20' })
    stop.abort()
    await reader.return?.()
  })

  test('an acknowledgement of what went elsewhere does not keep the others from being acknowledged', async () => {
    const url = server.create()
    const first = await open(url, 'one', SILENT)
    await post(first, newEvents(0, 40))
    const places = await placesOf(first)
    await entriesOf(first, null, { group: GROUP })
    // Somebody else holds one partition now.
    const key = 'bingo-events:{events}:group:g'
    const partition = (await server.cli(url, 'HKEYS', key)).split('\n').find((field) => /^\d+$/.test(field))!
    await server.cli(url, 'HSET', key, partition, 'other')
    await server.cli(url, 'ZADD', MEMBERS, '9999999999999', 'other')
    await expect(first.log.ack(GROUP, places)).rejects.toMatchObject({ code: 'BINGO_LOG_GROUP_BUSY' })
    const { groups } = await first.log.stats()
    expect(groups[0]!.pending).toBeLessThan(40)
    await expect(first.log.ack(GROUP, places)).rejects.toMatchObject({ code: 'BINGO_LOG_GROUP_BUSY' })
  })

  test('one that has read all of its share is at the end, whatever the others have in hand', async () => {
    const url = server.create()
    const [first, second] = [await open(url, 'one'), await open(url, 'two', SILENT)]
    await post(first, newEvents(0, 40))
    const unread = async (provider: EventProvider) => (await provider.log.stats()).groups[0]?.unread
    expect(await unread(first)).toBe(undefined)
    await entriesOf(first, null, { group: GROUP })
    expect(await unread(first)).toBe(0)
    await entriesOf(second, null, { group: GROUP })
    await post(second, newEvents(40, 50))
    expect([await unread(first), await unread(second)]).toEqual([10, 10])
    expect((await first.log.stats()).groups[0]!.pending).toBe(50)
  })

  test('connections that break in the middle of reading lose nothing, and nothing overtakes', async () => {
    const url = server.create()
    const work = new Work()
    const poster = postRounds(await open(url, 'poster'))
    const reader = await read(url, 'one', work)
    for (let i = 1; i <= 15; i++) {
      await reader.hasFinished(i * 40)
      await server.cli(url, 'CLIENT', 'KILL', 'TYPE', 'normal')
    }
    await poster.stop()
    await work.hasFinished(poster.posted.length)
    expect(new Set(work.ids)).toEqual(new Set(poster.posted))
    expect(work.outOfOrder()).toEqual([])
  })

  test('go on when the server was killed, without losing or overtaking anything', async () => {
    const url = server.create()
    const work = new Work()
    const poster = postRounds(await open(url, 'poster'))
    const [one, two] = [await read(url, 'one', work), await read(url, 'two', work)]
    for (let i = 1; i <= 3; i++) {
      await one.hasFinished(i * 100)
      await two.hasFinished(i * 100)
      await server.kill()
      await server.restart()
    }
    await poster.stop()
    await work.hasFinished(poster.posted.length)
    expect(new Set(work.ids)).toEqual(new Set(poster.posted))
    expect(work.outOfOrder()).toEqual([])
  })

  test('a key whose event is still in hand stays where it is until that is finished', async () => {
    const url = server.create()
    const [first, second] = [await open(url, 'one'), await open(url, 'two')]
    await post(
      first,
      newEvents(0, 200).map(({ event: { id } }) => newEvent(id, { key: id })),
    )
    const stop = new AbortController()
    const held: string[] = []
    const places: string[] = []
    for await (const { id, place } of first.log.read(null, { group: GROUP, signal: stop.signal })) {
      held.push(id)
      places.push(place)
      if (held.length === 200) break
    }
    await entriesOf(second, null, { group: GROUP })
    await post(
      first,
      newEvents(0, 200).map(({ event: { id } }) => newEvent(`later ${id}`, { key: id })),
    )
    await delay(2_500)
    expect(ids(await entriesOf(second, null, { group: GROUP }))).toEqual([])
    await first.log.ack(GROUP, places)
    const moved: string[] = []
    await expect
      .poll(
        async () => {
          moved.push(...ids(await entriesOf(second, null, { group: GROUP })))
          return moved.length
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(0)
    expect(moved.every((id) => id.startsWith('later '))).toBe(true)
  })

  async function expel(url: string, name: string): Promise<void> {
    const names = (await server.cli(url, 'HGETALL', 'bingo-events:{events}:names:g')).split('\n')
    const at = names.findIndex((text) => text.startsWith(`${name} (`))
    await server.cli(url, 'ZREM', MEMBERS, names[at - 1]!)
  }
})
