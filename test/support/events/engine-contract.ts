import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SqliteEventProvider } from '../../../src/log/sqlite/event-provider.ts'
import { systemClock } from '../../../src/model/clock.ts'
import type { EventProvider } from '../../../src/model/state/event-provider.ts'
import type { EngineServer } from './engine-server.ts'
import { checkKept, PostingProcess } from './kills.ts'
import { describeLog } from './log-contract.ts'
import { inForm } from '../forms.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from './new-event.ts'
import type { ProviderSetup } from './new-event.ts'
import { documentedPromises, measurePromises } from './promises.ts'
import { describeIndex, describePosting, describeRetention } from './provider-contract.ts'
import { openStore } from './store-url.ts'
import { engineStore } from './tested-stores.ts'

const LIVES = inForm({ short: 2, long: 3 })
/** A broker takes seconds to start again. */
const KILLS_OF_SERVER = inForm({ short: 1, long: 2 })

/** A folder for indexes, and the address of a new one in it. To be called once by a test file. */
export function indexFolder(): { readonly folder: string; readonly newIndex: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-engines-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  let files = 0
  return { folder, newIndex: () => `file:${folder}/${++files}` }
}

/** What is found in an index by itself. */
export async function lookedUp<T>(index: string, work: (provider: SqliteEventProvider) => Promise<T>): Promise<T> {
  const bounds = { maxEvents: 1e9, maxBytes: 1e12, idRetentionMs: 604_800_000 }
  const provider = new SqliteEventProvider({ path: index.slice('file:'.length), ...bounds })
  try {
    return await work(provider)
  } finally {
    await provider.close()
  }
}

/** What every engine does, with an index in a file beside it. The server is there when the tests begin. */
export function describeEngine(
  started: () => EngineServer,
  { folder, newIndex }: ReturnType<typeof indexFolder>,
): void {
  let server: EngineServer
  const opened: EventProvider[] = []

  beforeAll(() => {
    server = started()
  })
  afterEach(async () => {
    for (const provider of opened.splice(0)) await provider.close()
  })

  async function open(store: string, index: string, { now, ...setup }: ProviderSetup = {}): Promise<EventProvider> {
    const clock = now === undefined ? systemClock : { ...systemClock, now }
    const provider = await openStore(`${store} ${index}`, { name: 'test', ...setup, clock })
    opened.push(provider)
    return provider
  }
  const openNew = (setup?: ProviderSetup) => open(server.newUrl(), newIndex(), setup)

  describeLog(openNew)
  describePosting(openNew)
  describeIndex(openNew)
  describeRetention(openNew)

  test('docs/event-stores.md says what it promises', async () => {
    const store = engineStore(server, folder)
    expect(await measurePromises(store)).toEqual(documentedPromises(store.column))
  })

  test('the server has what was answered, each entry once and in order, and nothing that waits', async () => {
    const [store, index] = [server.newUrl(), newIndex()]
    const provider = await open(store, index)
    const waiting = newEvent('later', { deliverAt: NOW + 60_000 })
    await Promise.all([waiting, ...newEvents(0, 400)].map((each) => post(provider, [each])))
    const all = Array.from({ length: 401 }, (_, i) => i + 1)
    expect(await server.places(store)).toEqual(all.slice(0, 400))
    await provider.due(NOW + 60_000, 10)
    expect(await server.places(store)).toEqual(all)
  })

  test('a replay is appended again, however soon it comes', async () => {
    const store = server.newUrl()
    const provider = await open(store, newIndex())
    await post(provider, newEvents(0, 2))
    await provider.replay({ environment: 'default', id: '0' }, NOW)
    await provider.replay({ environment: 'default', id: '0' }, NOW)
    expect(await server.places(store)).toEqual([1, 2, 3, 4])
    expect(ids(await entriesOf(provider))).toEqual(['0', '1', '0', '0'])
  })

  test('loses nothing that was answered when who posts is killed, and nothing is there twice', async () => {
    const [store, index] = [server.newUrl(), newIndex()]
    const answered: string[] = []
    for (let life = 0; life < LIVES; life++) {
      await using child = new PostingProcess(`${store} ${index}`, life)
      await child.hasAnswered(1 + life * 60)
      await child.kill()
      answered.push(...child.answered())
    }
    await checkKept(await open(store, index), answered)
    const places = await server.places(store)
    expect(places).toEqual(places.map((_, i) => i + 1))
  })

  test.each([
    ['the index has events and the server has none of them', 'before'],
    ['the server has half of what the index has', 'half'],
    ['the server has them, and they are not answered', 'after'],
  ])('killed when %s, it goes on with both the same', async (_title, when) => {
    const [store, index] = [server.newUrl(), newIndex()]
    const answered: string[] = []
    for (const life of [1, 2]) {
      await using child = new PostingProcess(`${store} ${index}`, life, { DIE_BETWEEN: `${when}:${life * 4}` })
      await child.ended()
      answered.push(...child.answered())
    }
    const { identity, newest } = await lookedUp(index, async ({ log }) => {
      return { identity: await log.identity(), ...(await log.extent()) }
    })
    const engine = server.open(store)
    const { newest: last } = await engine.last(identity)
    await engine.close()
    // Another writer may have had something in the index alone when the one before it was to be answered.
    expect([when, last < newest || when === 'after']).toEqual([when, true])
    const provider = await open(store, index)
    await checkKept(provider, answered)
    const places = await server.places(store)
    expect(places).toEqual(places.map((_, i) => i + 1))
    expect(places.length).toBeGreaterThanOrEqual(newest)
  })

  test('loses nothing that was answered when the server is killed, and goes on when it is back', async () => {
    const [store, index] = [server.newUrl(), newIndex()]
    const answered: string[] = []
    for (let life = 0; life < KILLS_OF_SERVER; life++) {
      await using child = new PostingProcess(`${store} ${index}`, life)
      await child.hasAnswered(20 + life * 50)
      await server.kill()
      await child.ended()
      answered.push(...child.answered())
      await server.restart()
    }
    const provider = await open(store, index)
    await checkKept(provider, answered)
    await server.kill()
    const down = { code: 'BINGO_LOG_UNREACHABLE', retryable: true }
    await expect(post(provider, [newEvent('9:0:1')])).rejects.toMatchObject(down)
    // What is refused from now on is not stored anywhere.
    await expect(post(provider, [newEvent('9:0:2')])).rejects.toMatchObject(down)
    await expect(entriesOf(provider)).rejects.toMatchObject(down)
    await server.restart()
    const tags = (await post(provider, [newEvent('9:0:1'), newEvent('9:0:2')])).map(({ tag }) => tag)
    expect(tags).toEqual(['duplicate', 'stored'])
    await checkKept(provider, answered)
  })

  test('what the server has lost is sent to it again, and readers miss nothing meanwhile', async () => {
    const [store, index] = [server.newUrl(), newIndex()]
    const provider = await open(store, index)
    await post(provider, newEvents(0, 300))
    const places = await placesOf(provider)
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toHaveLength(300)
    await provider.log.ack('g', places.slice(0, 100))
    await provider.log.trim(places[100]!)
    await server.lose(store)
    // A reader that is told so tries again, as the source of the rules does.
    const left = () => entriesOf(provider).then(ids, (error: { code: string }) => error.code)
    expect(['BINGO_LOG_UNREACHABLE', newEvents(100, 300).map(({ event }) => event.id)]).toContainEqual(await left())
    expect(await left()).toEqual(newEvents(100, 300).map(({ event }) => event.id))
    const kept = Array.from({ length: 200 }, (_, i) => 101 + i)
    expect(await server.places(store)).toEqual(kept)
    await provider.close()
    await server.lose(store)
    const again = await open(store, index)
    await post(again, [newEvent(300)])
    expect(await server.places(store)).toEqual([...kept, 301])
    expect(ids(await entriesOf(again))).toEqual(newEvents(100, 301).map(({ event }) => event.id))
    await again.log.ack('g', await placesOf(again))
    await again.log.trim('302')
    expect((await server.places(store)).length).toBe(0)
    await post(again, [newEvent(301)])
    expect(ids(await entriesOf(again))).toEqual(['301'])
  })

  test('messages that somebody else publishes are left out, and stop nothing', async () => {
    const [store, index] = [server.newUrl(), newIndex()]
    const provider = await open(store, index)
    const expected: string[] = []
    for (let round = 0; round < 3; round++) {
      const events = newEvents(round * 10, round * 10 + 10)
      await Promise.all(events.map((each) => post(provider, [each])))
      expected.push(...ids(events.map(({ event }) => event)))
      await server.publishOther(store)
      expect(ids(await entriesOf(provider))).toEqual(expected)
    }
    const posting = newEvents(30, 330).map((each) => post(provider, [each]))
    const publishing = Array.from({ length: 10 }, () => server.publishOther(store))
    await Promise.all([...posting, ...publishing])
    expected.push(...newEvents(30, 330).map(({ event }) => event.id))
    expect(ids(await entriesOf(provider))).toEqual(expected)
    expect(await server.places(store)).toEqual(expected.map((_, i) => i + 1))
    await provider.close()
    const again = await open(store, index)
    await post(again, [newEvent('last')])
    expect(ids(await entriesOf(again))).toEqual([...expected, 'last'])
  })

  test('is refused when its index is another one, was lost, or is older', async () => {
    const [store, index] = [server.newUrl(), newIndex()]
    const provider = await open(store, index)
    await post(provider, newEvents(0, 3))
    const mismatch = { code: 'BINGO_LOG_INDEX_MISMATCH', retryable: false }
    const other = await open(store, newIndex())
    await expect(post(other, [newEvent('x')])).rejects.toMatchObject(mismatch)
    const { signal } = new AbortController()
    await expect(other.log.read(null, { signal })[Symbol.asyncIterator]().next()).rejects.toMatchObject(mismatch)
    expect(await other.get({ environment: 'default', id: 'x' })).toBe(null)
    await provider.close()
    await lookedUp(index, async ({ log }) => {
      const engine = server.open(store)
      const identity = await log.identity()
      expect(await engine.last(identity)).toEqual({ upTo: 3, newest: 3 })
      const [entry] = await log.entries(2)
      await engine.append(identity, [{ ...entry!, place: '4' }])
      await engine.close()
    })
    await expect(post(await open(store, index), [newEvent('y')])).rejects.toMatchObject(mismatch)
  })
}
