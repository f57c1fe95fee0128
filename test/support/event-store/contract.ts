import { describe, expect, test } from 'vitest'
import type { EventStore, NewEvent, ReadAllOptions } from '../../../src/event-store/contract.ts'
import type { RecordedEvent, SubscribeOptions } from '../../../src/event-store/contract.ts'
import { VersionConflictError } from '../../../src/event-store/errors.ts'

/** A database of its own with every call. What it answers opens a store on it, each with connections of its own. */
export type FreshDatabase = () => Promise<() => EventStore>

export const event = (number: number, more: Partial<NewEvent> = {}): NewEvent => ({
  type: 'counter.counted',
  payload: { number },
  ...more,
})

export async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const each of events) found.push(each)
  return found
}

const numbers = (events: readonly RecordedEvent[]): unknown[] =>
  events.map(({ payload }) => (payload as { number: unknown }).number)
const conflict = (expected: unknown, actual: number) =>
  expect.objectContaining({ code: 'BINGO_STORE_VERSION_CONFLICT', expected, actual })

/** What every event store promises, whatever database keeps it. */
export function describeEventStore(fresh: FreshDatabase): void {
  const open = async (): Promise<EventStore> => (await fresh())()
  describe('appends', () => {
    describeAppends(open)
  })
  describe('reads', () => {
    describeReads(open)
  })
  describe('snapshots', () => {
    describeSnapshots(open)
  })
  describe('subscriptions', () => {
    describeSubscriptions(open)
  })
  describe('concurrent writers', () => {
    describeWriters(fresh)
  })
}

function describeAppends(open: () => Promise<EventStore>): void {
  test('An append answers the version that the next one expects, and a position that grows', async () => {
    await using store = await open()
    const first = await store.appendToStream('a', [event(1), event(2)], { expectedVersion: 'no-stream' })
    const second = await store.appendToStream('a', [event(3)], { expectedVersion: first.nextExpectedVersion })
    expect([first.nextExpectedVersion, second.nextExpectedVersion]).toEqual([2, 3])
    expect(second.globalPosition > first.globalPosition && first.globalPosition > 0n).toBe(true)
    expect(numbers(await all(store.readStream('a')))).toEqual([1, 2, 3])
  })

  test.each(['no-stream', 0, 1, 3] as const)(
    'An append that expects %s is refused at version 2, with both',
    async (expected) => {
      await using store = await open()
      await store.appendToStream('a', [event(1), event(2)])
      const appended = store.appendToStream('a', [event(3)], { expectedVersion: expected })
      await expect(appended).rejects.toThrow(VersionConflictError)
      await expect(appended).rejects.toEqual(conflict(expected, 2))
      expect(numbers(await all(store.readStream('a')))).toEqual([1, 2])
    },
  )

  test('A stream that has to exist has to, and any version is one', async () => {
    await using store = await open()
    const needs = { expectedVersion: 'stream-exists' } as const
    await expect(store.appendToStream('a', [event(1)], needs)).rejects.toEqual(conflict('stream-exists', 0))
    await store.appendToStream('a', [event(1)], { expectedVersion: 'any' })
    expect(await store.appendToStream('a', [event(2)], needs)).toMatchObject({ nextExpectedVersion: 2 })
    await expect(store.appendToStream('b', [event(1)], { expectedVersion: 4 })).rejects.toEqual(conflict(4, 0))
    expect(await store.streamExists('a')).toBe(true)
    expect(await store.streamExists('b')).toBe(false)
  })

  test('The same events under the same ids answer the first result, whatever they expect and however often', async () => {
    await using store = await open()
    const events = [event(1, { id: 'x-1' }), event(2, { id: 'x-2' })]
    const first = await store.appendToStream('a', events, { expectedVersion: 0 })
    await store.appendToStream('a', [event(3)], { expectedVersion: 2 })
    for (const expectedVersion of [0, 'any', 'no-stream', 3] as const) {
      const again = await store.appendToStream('a', events, { expectedVersion })
      expect(again).toEqual({ ...first, duplicate: true })
    }
    expect(numbers(await all(store.readStream('a')))).toEqual([1, 2, 3])
  })

  test('A known id with other content is refused, and so are a part of an append, another order and another stream', async () => {
    await using store = await open()
    const [one, two] = [event(1, { id: 'x-1' }), event(2, { id: 'x-2' })]
    await store.appendToStream('a', [one, two])
    const refused = expect.objectContaining({ code: 'BINGO_STORE_EVENT_ID_TAKEN' })
    const attempts: readonly (readonly [string, readonly NewEvent[]])[] = [
      ['a', [event(7, { id: 'x-1' })]],
      ['a', [{ ...one, type: 'counter.other' }]],
      ['a', [{ ...one, userId: '7' }]],
      ['a', [two, one]],
      ['a', [event(3, { id: 'x-3' }), two]],
      ['a', [two, event(3, { id: 'x-3' })]],
      ['b', [one]],
      ['b', [event(3, { id: 'x-3' }), one]],
    ]
    for (const [stream, events] of attempts) {
      await expect(store.appendToStream(stream, events)).rejects.toEqual(refused)
      await expect(store.appendToStream(stream, events, { expectedVersion: 9 })).rejects.toEqual(refused)
    }
    expect(numbers(await all(store.readAll()))).toEqual([1, 2])
    expect(await store.appendToStream('a', [event(3, { id: 'x-3' })])).toMatchObject({ nextExpectedVersion: 3 })
  })

  test('Names that differ in case, accents or blanks are different streams and ids', async () => {
    await using store = await open()
    for (const name of ['order', 'Order', 'örder', 'orde r', '🙂']) {
      const appended = await store.appendToStream(name, [event(1, { id: name })], { expectedVersion: 'no-stream' })
      expect(appended.duplicate).toBe(false)
    }
    expect((await all(store.listStreams({ prefix: 'ord' }))).map(({ stream }) => stream).toSorted()).toEqual([
      'orde r',
      'order',
    ])
  })

  test('Bad arguments are refused before anything is stored', async () => {
    await using store = await open()
    const refused = expect.objectContaining({ code: 'BINGO_STORE_ARGUMENT_INVALID' })
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    const attempts = [
      store.appendToStream('', [event(1)]),
      store.appendToStream('a ', [event(1)]),
      store.appendToStream('a\0', [event(1)]),
      store.appendToStream('x'.repeat(256), [event(1)]),
      store.appendToStream('a', []),
      store.appendToStream('a', [event(1, { type: '' })]),
      store.appendToStream('a', [event(1, { id: 'i' }), event(2, { id: 'i' })]),
      store.appendToStream('a', [event(1, { payload: cyclic })]),
      store.appendToStream('a', [event(1, { payload: () => 1 })]),
      store.appendToStream('a', [event(1, { timestamp: 'yesterday' })]),
      store.appendToStream('a', [event(1)], { expectedVersion: -1 }),
      all(store.readAll({ from: 'x' })),
      all(store.readAll({ types: [] })),
      all(store.readStream('a', { from: 0.5 })),
    ]
    for (const attempt of attempts) await expect(attempt).rejects.toEqual(refused)
    expect(await all(store.readAll())).toEqual([])
  })
}

function describeReads(open: () => Promise<EventStore>): void {
  test('An event comes back as it was appended, with its place', async () => {
    await using store = await open()
    const given = {
      id: 'e-1',
      type: 'orders.order.placed',
      payload: {
        text: "Grüße 🙂 'quoted' \\ \n",
        big: 9007199254740991,
        half: 0.5,
        no: null,
        deep: [{ a: [] }],
        '': '',
      },
      source: 'shop',
      timestamp: '2026-11-28T10:00:00.123Z',
      correlationId: 'c-1',
      causationId: 'e-0',
      userId: '7',
    }
    const { globalPosition } = await store.appendToStream('order-1', [given])
    const [read] = await all(store.readStream('order-1'))
    expect(read).toEqual({ ...given, stream: 'order-1', version: 1, globalPosition })
    const before = Date.now()
    await store.appendToStream('order-1', [{ type: 'orders.order.paid', payload: undefined }])
    const [paid] = await all(store.readStream('order-1', { from: 2 }))
    expect(paid).toMatchObject({ payload: null, source: null, correlationId: null, causationId: null, userId: null })
    expect(Date.parse(paid!.timestamp)).toBeGreaterThanOrEqual(before)
  })

  test('A stream is read from, to, backwards and by number, across pages', async () => {
    await using store = await open()
    const count = 1_234
    await store.appendToStream(
      'a',
      Array.from({ length: count }, (_, i) => event(i + 1)),
    )
    await store.appendToStream('b', [event(0)])
    const up = Array.from({ length: count }, (_, i) => i + 1)
    expect(numbers(await all(store.readStream('a')))).toEqual(up)
    expect(numbers(await all(store.readStream('a', { backwards: true })))).toEqual(up.toReversed())
    expect(numbers(await all(store.readStream('a', { from: 3, to: 5 })))).toEqual([3, 4, 5])
    expect(numbers(await all(store.readStream('a', { from: 3, to: 5, backwards: true, max: 2 })))).toEqual([5, 4])
    expect(numbers(await all(store.readStream('a', { from: 600, max: 600 })))).toEqual(up.slice(599, 1_199))
    expect(await all(store.readStream('a', { from: count + 1 }))).toEqual([])
    expect(await all(store.readStream('nobody'))).toEqual([])
    expect(numbers(await all(store.readAll({ max: 1_235 })))).toEqual([...up, 0])
  })

  test('All events are read behind a place, by types, pattern and time', async () => {
    await using store = await open()
    const at = (hour: number): string => `2026-11-28T${String(hour).padStart(2, '0')}:00:00.000Z`
    const types = ['orders.order.placed', 'orders.order.paid', 'users.user.created', 'orders.line.added']
    const positions: bigint[] = []
    for (const [i, type] of types.entries()) {
      positions.push((await store.appendToStream(`s${i}`, [event(i, { type, timestamp: at(i) })])).globalPosition)
    }
    const read = async (options: ReadAllOptions): Promise<unknown[]> => numbers(await all(store.readAll(options)))
    expect(await read({ from: 0 })).toEqual([0, 1, 2, 3])
    expect(await read({ from: positions[1]! })).toEqual([2, 3])
    expect(await read({ from: String(positions[2]) })).toEqual([3])
    expect(await read({ from: positions[3]! })).toEqual([])
    expect(await read({ types: [types[2]!, types[0]!] })).toEqual([0, 2])
    expect(await read({ pattern: 'orders.order.*' })).toEqual([0, 1])
    expect(await read({ pattern: 'orders.**', types: [types[3]!, types[2]!] })).toEqual([3])
    expect(await read({ since: at(1), until: at(3) })).toEqual([1, 2])
    expect(await read({ since: new Date(at(1)), max: 1 })).toEqual([1])
  })

  test('Streams are listed by name, with their versions and times', async () => {
    await using store = await open()
    const [first, last] = ['2026-11-28T10:00:00.000Z', '2026-11-28T11:00:00.000Z']
    await store.appendToStream('b', [event(1, { timestamp: first }), event(2, { timestamp: last })])
    await store.appendToStream('a-2', [event(1, { timestamp: first })])
    await store.appendToStream('a-1', [event(1, { timestamp: first })])
    expect(await all(store.listStreams())).toEqual([
      { stream: 'a-1', version: 1, first, last: first },
      { stream: 'a-2', version: 1, first, last: first },
      { stream: 'b', version: 2, first, last },
    ])
    expect((await all(store.listStreams({ prefix: 'a-', after: 'a-1' }))).map(({ stream }) => stream)).toEqual(['a-2'])
    expect(await all(store.listStreams({ prefix: 'A' }))).toEqual([])
    expect((await all(store.listStreams({ max: 1 }))).map(({ stream }) => stream)).toEqual(['a-1'])
  })
}

function describeSnapshots(open: () => Promise<EventStore>): void {
  const sum = {
    initialState: () => ({ sum: 0, seen: [] as number[] }),
    evolve: (state: { sum: number; seen: number[] }, { payload, version }: RecordedEvent) => ({
      sum: state.sum + (payload as { number: number }).number,
      seen: [...state.seen, version],
    }),
  }

  test('A state is built from all events, or up to a version', async () => {
    await using store = await open()
    expect(await store.aggregateStream('a', sum)).toEqual({ state: { sum: 0, seen: [] }, version: 0 })
    await store.appendToStream('a', [event(1), event(10), event(100)])
    expect(await store.aggregateStream('a', sum)).toEqual({ state: { sum: 111, seen: [1, 2, 3] }, version: 3 })
    expect(await store.aggregateStream('a', { ...sum, to: 2 })).toMatchObject({ state: { sum: 11 }, version: 2 })
  })

  test('The newest snapshot that is not newer than asked is used, and only events behind it are read', async () => {
    await using store = await open()
    await store.appendToStream(
      'a',
      [1, 2, 3, 4, 5, 6].map((number) => event(number)),
    )
    await store.saveSnapshot('a', { version: 2, schemaVersion: 1, state: { sum: 1_000, seen: [] } })
    await store.saveSnapshot('a', { version: 5, schemaVersion: 1, state: { sum: 2_000, seen: [] } })
    const from = async (to?: number) =>
      (await store.aggregateStream('a', { ...sum, to, snapshot: { schemaVersion: 1 } })).state
    expect(await from()).toEqual({ sum: 2_006, seen: [6] })
    expect(await from(5)).toEqual({ sum: 2_000, seen: [] })
    expect(await from(4)).toEqual({ sum: 1_007, seen: [3, 4] })
    expect(await from(2)).toEqual({ sum: 1_000, seen: [] })
    expect(await from(1)).toEqual({ sum: 1, seen: [1] })
    expect(await store.readSnapshot('a', { schemaVersion: 1, maxVersion: 4 })).toMatchObject({
      stream: 'a',
      version: 2,
      schemaVersion: 1,
      state: { sum: 1_000 },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    })
  })

  test('Snapshots of another schema version are not used, and one of the same version replaces the one before', async () => {
    await using store = await open()
    await store.appendToStream('a', [event(1), event(2)])
    await store.saveSnapshot('a', { version: 1, schemaVersion: 1, state: { sum: 50, seen: [] } })
    await store.saveSnapshot('a', { version: 1, schemaVersion: 2, state: { sum: 70, seen: [] } })
    await store.saveSnapshot('a', { version: 1, schemaVersion: 2, state: { sum: 80, seen: [] } })
    const by = async (schemaVersion: number) =>
      (await store.aggregateStream('a', { ...sum, snapshot: { schemaVersion } })).state.sum
    expect([await by(1), await by(2), await by(3)]).toEqual([52, 82, 3])
    expect(await store.readSnapshot('a', { schemaVersion: 3 })).toBe(null)
    expect(await store.readSnapshot('b', { schemaVersion: 1 })).toBe(null)
  })

  test('A snapshot of events that the stream does not have is refused', async () => {
    await using store = await open()
    await store.appendToStream('a', [event(1)])
    const refused = expect.objectContaining({ code: 'BINGO_STORE_ARGUMENT_INVALID' })
    for (const version of [2, 0]) {
      await expect(store.saveSnapshot('a', { version, schemaVersion: 1, state: {} })).rejects.toEqual(refused)
    }
  })

  test('Snapshots are saved by themselves where they are asked for every so many events', async () => {
    await using store = await open()
    const options = { ...sum, snapshot: { schemaVersion: 1, every: 3 } }
    const saved = async () => (await store.readSnapshot('a', { schemaVersion: 1 }))?.version
    await store.appendToStream('a', [event(1), event(2)])
    await store.aggregateStream('a', options)
    expect(await saved()).toBe(undefined)
    await store.appendToStream('a', [event(3), event(4)])
    await store.aggregateStream('a', options)
    expect(await saved()).toBe(4)
    await store.appendToStream('a', [event(5)])
    expect((await store.aggregateStream('a', options)).state.sum).toBe(15)
    expect(await saved()).toBe(4)
  })
}

/** Collects what a subscription yields until `enough`, and ends it. */
export async function collect(
  store: EventStore,
  enough: (event: RecordedEvent, count: number) => boolean,
  options: SubscribeOptions = {},
): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const each of store.subscribe(options)) {
    events.push(each)
    if (enough(each, events.length)) break
  }
  return events
}

function describeSubscriptions(open: () => Promise<EventStore>): void {
  test('A subscription reads what is there, says so, and then what comes', async () => {
    await using store = await open()
    await store.appendToStream('a', [event(1), event(2)])
    const caughtUp = Promise.withResolvers<void>()
    const collected = collect(store, (_, count) => count === 4, { onCaughtUp: caughtUp.resolve })
    await caughtUp.promise
    await store.appendToStream('b', [event(3)])
    await store.appendToStream('a', [event(4)])
    expect(numbers(await collected)).toEqual([1, 2, 3, 4])
  })

  test('A subscription resumes behind a place, and leaves out what is not asked for', async () => {
    await using store = await open()
    const { globalPosition } = await store.appendToStream('a', [event(1, { type: 'x.one' })])
    await store.appendToStream('a', [event(2, { type: 'y.two' }), event(3, { type: 'x.three' })])
    const byPattern = collect(store, (_, count) => count === 2, { from: globalPosition, pattern: 'x.*' })
    const byType = collect(store, (_, count) => count === 2, { types: ['y.two'] })
    await store.appendToStream('a', [event(4, { type: 'x.four' }), event(5, { type: 'y.two' })])
    expect(numbers(await byPattern)).toEqual([3, 4])
    expect(numbers(await byType)).toEqual([2, 5])
  })

  test('A subscription ends with its signal, and with its store', async () => {
    await using store = await open()
    const stop = new AbortController()
    const aborted = collect(store, () => false, { signal: stop.signal, onCaughtUp: () => stop.abort() })
    expect(await aborted).toEqual([])
    const caughtUp = Promise.withResolvers<void>()
    const closed = collect(store, () => false, { onCaughtUp: caughtUp.resolve })
    await caughtUp.promise
    await store.close()
    expect(await closed).toEqual([])
    await expect(store.appendToStream('a', [event(1)])).rejects.toMatchObject({ code: 'BINGO_STORE_UNREACHABLE' })
  })
}

const WRITERS = 64

function describeWriters(fresh: FreshDatabase): void {
  test(`Of ${WRITERS} writers to one stream, exactly one wins each version`, async () => {
    const open = await fresh()
    const stores = Array.from({ length: 4 }, open)
    const wins = new Map<number, number>()
    const versions = 5
    for (let version = 0; version < versions; version++) {
      const attempts = Array.from({ length: WRITERS }, (_, writer) =>
        stores[writer % stores.length]!.appendToStream('a', [event(writer)], { expectedVersion: version }).then(
          () => wins.set(version, (wins.get(version) ?? 0) + 1),
          (error: unknown) => {
            if (!(error instanceof VersionConflictError && error.actual > version)) throw error
          },
        ),
      )
      await Promise.all(attempts)
    }
    expect([...wins.values()]).toEqual(Array.from({ length: versions }, () => 1))
    const events = await all(stores[0]!.readStream('a'))
    expect(events.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
    await Promise.all(stores.map((store) => store.close()))
  })

  test('Writers that expect any version all get in, each at a version of its own', async () => {
    const open = await fresh()
    const stores = Array.from({ length: 4 }, open)
    const results = await Promise.all(
      Array.from({ length: WRITERS }, (_, i) => stores[i % 4]!.appendToStream('a', [event(i), event(i)])),
    )
    const next = results.map(({ nextExpectedVersion }) => nextExpectedVersion).toSorted((a, b) => a - b)
    expect(next).toEqual(Array.from({ length: WRITERS }, (_, i) => 2 * (i + 1)))
    // The two of one append are side by side.
    const read = numbers(await all(stores[0]!.readStream('a')))
    for (let i = 0; i < read.length; i += 2) expect(read[i]).toBe(read[i + 1])
    await Promise.all(stores.map((store) => store.close()))
  })

  test('The same append by many writers at once is stored once, and answers all of them the same', async () => {
    const open = await fresh()
    const stores = Array.from({ length: 4 }, open)
    const events = [event(1, { id: 'once-1' }), event(2, { id: 'once-2' })]
    const results = await Promise.all(
      Array.from({ length: 32 }, (_, i) =>
        stores[i % 4]!.appendToStream('a', events, { expectedVersion: 'no-stream' }),
      ),
    )
    expect(results.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(new Set(results.map(({ globalPosition }) => globalPosition)).size).toBe(1)
    expect(numbers(await all(stores[1]!.readAll()))).toEqual([1, 2])
    await Promise.all(stores.map((store) => store.close()))
  })

  test('Subscriptions that begin in the middle of appends miss nothing and see nothing twice', async () => {
    const open = await fresh()
    const [reader, ...writers] = Array.from({ length: 4 }, open)
    const [streams, each] = [12, 40]
    let left = streams
    const written = Promise.withResolvers<void>()
    const write = async (stream: number): Promise<void> => {
      for (let n = 1; n <= each; n++) {
        const store = writers[(stream + n) % writers.length]!
        await store.appendToStream(`s${stream}`, [event(n)], { expectedVersion: n - 1 })
      }
      left -= 1
      if (left === 0) written.resolve()
    }
    const writing = Array.from({ length: streams }, (_, stream) => write(stream))
    const following = [reader!, ...writers].map((store) => collect(store, (_, count) => count === streams * each))
    await Promise.all([...writing, written.promise])
    // One that begins when all is there.
    following.push(collect(reader!, (_, count) => count === streams * each))
    const seen = await Promise.all(following)
    for (const events of seen) {
      expect(new Set(events.map(({ id }) => id)).size).toBe(streams * each)
      expect(events.map(({ id }) => id)).toEqual(seen[0]!.map(({ id }) => id))
      const versions = new Map<string, number>()
      for (const { stream, version } of events) {
        expect(version).toBe((versions.get(stream) ?? 0) + 1)
        versions.set(stream, version)
      }
    }
    await Promise.all([reader!, ...writers].map((store) => store.close()))
  })
}
