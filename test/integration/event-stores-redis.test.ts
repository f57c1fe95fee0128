import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/model/clock.ts'
import { openEventProvider } from '../../src/log/open.ts'
import type { EventProvider, ProgressUpdate } from '../../src/model/state/event-provider.ts'
import { checkKept, PostingProcess } from '../support/events/kills.ts'
import { describeLog } from '../support/events/log-contract.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from '../support/events/new-event.ts'
import type { ProviderSetup } from '../support/events/new-event.ts'
import { documentedPromises, measurePromises } from '../support/events/promises.ts'
import { EventRedisServer } from '../support/events/redis-server.ts'
import { redisStore } from '../support/events/tested-stores.ts'
import { describeIndex, describePosting, describeRetention } from '../support/events/provider-contract.ts'

describe('events on Redis', () => {
  let server: EventRedisServer
  const opened: EventProvider[] = []

  beforeAll(async () => {
    server = await EventRedisServer.start()
  })
  afterAll(() => server[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const provider of opened.splice(0)) await provider.close()
  })

  async function open(url: string, { now, ...setup }: ProviderSetup & { readonly name?: string } = {}) {
    const clock = now === undefined ? systemClock : { ...systemClock, now }
    const provider = await openEventProvider(url, { name: 'test', ...setup, clock })
    opened.push(provider)
    return provider
  }
  const openNew = async (setup?: ProviderSetup) => open(server.create(), setup)

  describeLog(openNew)
  describePosting(openNew)
  describeIndex(openNew)
  describeRetention(openNew)

  test('docs/event-stores.md says what it promises', async () => {
    expect(await measurePromises(redisStore(server))).toEqual(documentedPromises('Redis'))
  })

  test('a reader never misses an event, however many instances write at once', async () => {
    const url = server.create()
    const providers = await Promise.all([1, 2, 3, 4].map((n) => open(url, { name: `n${n}` })))
    const stop = new AbortController()
    const seen: string[] = []
    const wanted = providers.length * 300
    const reading = (async () => {
      for await (const { id } of providers[0]!.log.read(null, { signal: stop.signal })) {
        seen.push(id)
        if (seen.length === wanted) break
      }
    })()
    const writing = providers.map(async (provider, p) => {
      for (let n = 0; n < 300; n += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, i) => post(provider, [newEvent(`${p}:${n + i}`)])))
      }
    })
    await Promise.all([...writing, reading])
    stop.abort()
    expect(new Set(seen).size).toBe(wanted)
    expect(seen).toEqual(ids(await entriesOf(providers[1]!)))
  })

  test('two that move what is due move each event once', async () => {
    const url = server.create()
    const [first, second] = [await open(url), await open(url)]
    const waiting = newEvents(0, 200).map(({ event: { id } }) => newEvent(id, { deliverAt: NOW + 10 }))
    await post(first, waiting)
    const moved = await Promise.all([first, second, first, second].map((each) => each.due(NOW + 10, 60)))
    expect(moved.reduce((sum, each) => sum + each.moved, 0)).toBe(200)
    expect(ids(await entriesOf(first))).toEqual(newEvents(0, 200).map(({ event }) => event.id))
  })

  test('two that change one event at the same time change it one after the other', async () => {
    const url = server.create()
    const [first, second] = [await open(url), await open(url)]
    await post(first, [newEvent('a')])
    const outcome = (rule: number) => ({ rule: `r${rule}`, action: 0, status: 'done' as const, at: NOW })
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? first : second).progress([{ environment: 'default', id: 'a', at: NOW, outcomes: [outcome(i)] }]),
      ),
    )
    expect((await first.get({ environment: 'default', id: 'a' }))!.outcomes).toHaveLength(20)
  })

  test('what becomes of new events is written in one step, and in more for those that have something already', async () => {
    const url = server.create()
    const provider = await open(url)
    await post(provider, newEvents(0, 3))
    const steps = async (updates: readonly ProgressUpdate[]): Promise<number> => {
      const before = await scripts(url)
      await provider.progress(updates)
      return (await scripts(url)) - before
    }
    const [a, b, c] = newEvents(0, 3).map(({ event }) => ({ environment: 'default', id: event.id }))
    const done = { rule: 'r', action: 0, status: 'done' as const, at: NOW }
    const lost = { environment: 'default', id: 'lost', at: NOW }
    expect(await steps([{ ...a!, at: NOW - 1, matched: 1 }, lost, { ...b!, at: NOW + 1, status: 'completed' }])).toBe(1)
    expect(await provider.get(a!)).toMatchObject({ status: 'pending', matched: 1, createdAt: NOW, updatedAt: NOW })
    expect(await provider.get(b!)).toMatchObject({ status: 'completed', createdAt: NOW, completedAt: NOW + 1 })
    const later = { at: NOW + 2, status: 'completed' as const, outcomes: [done] }
    expect(
      await steps([
        { ...a!, ...later },
        { ...c!, at: NOW + 2, matched: 1 },
        { ...c!, ...later },
      ]),
    ).toBe(3)
    for (const name of [a!, c!]) {
      expect(await provider.get(name)).toMatchObject({
        status: 'completed',
        matched: 1,
        updatedAt: NOW + 2,
        outcomes: [done],
      })
    }
  })

  /** Those that the server has run. */
  async function scripts(url: string): Promise<number> {
    const stats = await server.cli(url, 'INFO', 'commandstats')
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
  }

  test('loses nothing that was answered when who posts is killed, and nothing is there twice', async () => {
    const url = server.create()
    const answered: string[] = []
    for (let life = 0; life < 3; life++) {
      await using child = new PostingProcess(url, life)
      await using beside = new PostingProcess(url, `${life}b`)
      await child.hasAnswered(1 + life * 60)
      await child.kill()
      await beside.hasAnswered(1)
      await beside.kill()
      answered.push(...child.answered(), ...beside.answered())
    }
    await checkKept(await open(url), answered)
  })

  test('loses nothing that was answered when the server is killed, and goes on when it is back', async () => {
    const url = server.create()
    const provider = await open(url)
    const answered: string[] = []
    for (let life = 0; life < 3; life++) {
      await using child = new PostingProcess(url, life)
      await child.hasAnswered(20 + life * 50)
      await server.kill()
      await child.ended()
      answered.push(...child.answered())
      await expect(post(provider, [newEvent('while it is down')])).rejects.toMatchObject({
        code: 'BINGO_LOG_UNREACHABLE',
        retryable: true,
      })
      await server.restart()
    }
    await checkKept(provider, answered)
    expect((await post(provider, [newEvent('9:9:9')]))[0]!.tag).toBe('stored')
  })

  test('what is under way when the server dies is refused, and the process goes on', async () => {
    const provider = await open(server.create())
    await post(provider, newEvents(0, 20))
    const outcomes: Promise<unknown>[] = []
    let isDown = false
    const working = (async () => {
      for (let n = 0; !isDown; n++) {
        const name = { environment: 'default', id: String(n % 20) }
        const round = [
          provider.progress([{ ...name, at: NOW + n, status: 'processing' }]),
          provider.replay(name, NOW + n),
          post(provider, [newEvent(n % 40)]),
        ]
        outcomes.push(...round)
        await Promise.allSettled(round)
      }
    })()
    for (let i = 0; i < 3; i++) {
      await expect.poll(() => outcomes.length, { timeout: 30_000 }).toBeGreaterThan(10 * i)
      await server.kill()
      await server.restart()
    }
    isDown = true
    await working
    for (const outcome of await Promise.allSettled(outcomes)) {
      const code = outcome.status === 'rejected' ? (outcome.reason as { code?: string }).code : 'done'
      expect(['done', 'BINGO_LOG_UNREACHABLE']).toContain(code)
    }
    expect((await post(provider, [newEvent('after')]))[0]!.tag).toBe('stored')
  })

  test('goes on with a server that has forgotten its scripts', async () => {
    const url = server.create()
    const provider = await open(url)
    await post(provider, [newEvent(1)])
    await server.cli(url, 'SCRIPT', 'FLUSH')
    await post(provider, [newEvent(2)])
    expect(ids(await entriesOf(provider))).toEqual(['1', '2'])
  })

  test('stores with other prefixes share a database and know nothing of each other', async () => {
    const url = server.create()
    const [shop, mail] = [await open(`${url}?prefix=shop`), await open(`${url}?prefix=mail`)]
    await post(shop, [newEvent(1)])
    expect((await post(mail, [newEvent(1)]))[0]!.tag).toBe('stored')
    expect((await mail.log.stats()).count).toBe(1)
  })

  test('refuses keys of a newer version with words', async () => {
    const url = server.create()
    await post(await open(url), [newEvent(1)])
    await server.cli(url, 'HSET', 'bingo-events:{events}', 'format', '9')
    const newer = { code: 'BINGO_LOG_NEWER', retryable: false, message: expect.stringContaining('version 9') as string }
    await expect(post(await open(url), [newEvent(2)])).rejects.toMatchObject(newer)
    await expect((await open(url)).log.stats()).rejects.toMatchObject(newer)
  })

  test.each([
    ['body', (provider: EventProvider) => entriesOf(provider)],
    ['meta', (provider: EventProvider) => provider.due(NOW + 10, 1)],
  ])('says it when somebody has removed the %s of an event that is still needed', async (what, use) => {
    const url = server.create()
    const provider = await open(url)
    await post(provider, [newEvent(1), newEvent(2, { deliverAt: NOW + 10 })])
    await server.cli(url, 'DEL', `bingo-events:{events}:${what}`)
    const corrupt = { code: 'BINGO_LOG_CORRUPT', retryable: false }
    await expect(provider.list({ limit: 1 })).rejects.toMatchObject(corrupt)
    await expect(use(provider)).rejects.toMatchObject(corrupt)
  })

  test('a group whose reader is gone holds its entries back from being removed', async () => {
    const url = server.create()
    const [first, second] = [await open(url, { name: 'one' }), await open(url, { name: 'two' })]
    await post(first, newEvents(0, 4))
    await entriesOf(first, null, { group: 'slow' })
    await first.close()
    await entriesOf(second, null, { group: 'fast' })
    await second.log.ack('fast', await placesOf(second))
    await second.expire(NOW)
    expect(ids(await entriesOf(second, null, { group: 'slow' }))).toEqual(['0', '1', '2', '3'])
  })
})
