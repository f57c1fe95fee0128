import { expect, test as whole } from 'vitest'
import type { Test } from '../forms.ts'
import { decodeEnvelope } from '../../../src/model/event/forms/event-codec.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from './new-event.ts'
import type { OpenProvider } from './new-event.ts'

/** What the log of every provider does, whatever it is made of. */
export function describeLog(open: OpenProvider, test: Test = whole): void {
  test('returns what was posted, in order and unchanged', async () => {
    const provider = await open()
    const odd = newEvent('b', {
      payload: { text: '\u0000"\\ключ\ud800😀', list: [1.5, -0.1, 9007199254740993n, null, true], empty: {} },
      key: 'ключ\u0000',
      source: '',
      type: "o'brien.%_.*",
      timestamp: 7,
      environment: 'test\n',
      userId: 'x'.repeat(1_000),
    })
    await post(provider, [newEvent('a'), odd])
    await post(provider, [newEvent('c', { payload: null })])
    const entries = await entriesOf(provider)
    expect(ids(entries)).toEqual(['a', 'b', 'c'])
    const { id, type, key, source, at, place, appendedAt, payload } = entries[1]!
    expect({ id, type, key, source, at }).toEqual({
      id: 'b',
      type: odd.event.type,
      key: odd.event.key,
      source: '',
      at: 7,
    })
    expect([typeof place, typeof appendedAt, payload instanceof Uint8Array]).toEqual(['string', 'number', true])
    expect(decodeEnvelope(payload)).toEqual(odd.event)
    expect(await provider.get({ environment: 'test\n', id: 'b' })).toMatchObject(odd.event)
  })

  test('keeps the order of posts that were not waited for', async () => {
    const provider = await open()
    await Promise.all(newEvents(0, 1_000).map((each) => post(provider, [each])))
    expect(ids(await entriesOf(provider))).toEqual(newEvents(0, 1_000).map(({ event }) => event.id))
  })

  test('reads from a place, up to a place, by key and by pattern', async () => {
    const provider = await open()
    await post(provider, [
      newEvent(1, { key: 'x', type: 'shop.users.create' }),
      newEvent(2, { key: 'y', type: 'shop.users.update' }),
      newEvent(3, { key: 'x', type: 'shop.orders.create' }),
      newEvent(4, { type: 'shop' }),
    ])
    const places = await placesOf(provider)
    expect(ids(await entriesOf(provider, places[1]!))).toEqual(['3', '4'])
    expect(ids(await entriesOf(provider, null, { until: places[1]! }))).toEqual(['1', '2'])
    expect(ids(await entriesOf(provider, null, { key: 'x' }))).toEqual(['1', '3'])
    expect(ids(await entriesOf(provider, null, { pattern: 'shop.*.create' }))).toEqual(['1', '3'])
    expect(ids(await entriesOf(provider, null, { pattern: 'shop.**' }))).toEqual(['1', '2', '3', '4'])
    expect(ids(await entriesOf(provider, null, { pattern: '*' }))).toHaveLength(4)
    expect(ids(await entriesOf(provider, null, { pattern: 'shop.users.update', key: 'x' }))).toEqual([])
  })

  test('refuses a place that is not one', async () => {
    const provider = await open()
    const refused = { code: 'BINGO_LOG_PLACE_INVALID', retryable: false }
    await expect(provider.log.trim('nowhere')).rejects.toMatchObject(refused)
    await expect(provider.log.ack('g', ['-1'])).rejects.toMatchObject(refused)
    await post(provider, [newEvent(1)])
    await expect(entriesOf(provider, '1.5')).rejects.toMatchObject(refused)
    await expect(provider.list({ limit: 1, cursor: 'x' })).rejects.toMatchObject(refused)
  })

  test('wakes a reader that waits, and ends it with its signal', async () => {
    const provider = await open()
    const stop = new AbortController()
    const reader = provider.log.read(null, { signal: stop.signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 100; i++) {
      const next = reader.next()
      await post(provider, [newEvent(i)])
      expect((await next).value).toMatchObject({ id: String(i) })
    }
    const waiting = reader.next()
    stop.abort()
    expect(await waiting).toMatchObject({ done: true })
  })

  test('ends its readers when it is closed', async () => {
    const provider = await open()
    await post(provider, [newEvent(1)])
    const { signal } = new AbortController()
    const reader = provider.log.read(null, { signal })[Symbol.asyncIterator]()
    await reader.next()
    const waiting = reader.next()
    await provider.close()
    expect(await waiting).toMatchObject({ done: true })
    await expect(post(provider, [newEvent(2)])).rejects.toMatchObject({ code: 'BINGO_LOG_UNREACHABLE' })
  })

  test('a group resumes with what it has not acknowledged, in any order of acknowledgements', async () => {
    const provider = await open()
    await post(provider, newEvents(0, 6))
    const places = await placesOf(provider)
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toHaveLength(6)
    await provider.log.ack('g', [places[0]!, places[2]!, places[5]!])
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['1', '3', '4'])
    await provider.log.ack('g', [places[1]!, places[1]!])
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['3', '4'])
    expect((await provider.log.stats()).groups).toMatchObject([{ name: 'g', acknowledged: places[2], pending: 2 }])
    await post(provider, [newEvent(6)])
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['3', '4', '6'])
    expect(ids(await entriesOf(provider, null, { group: 'other' }))).toHaveLength(7)
  })

  test('refuses a second reader of a group with words, and lets it in when the first one has ended', async () => {
    const provider = await open()
    await post(provider, newEvents(0, 2))
    const stop = new AbortController()
    const first = provider.log.read(null, { group: 'g', signal: stop.signal })[Symbol.asyncIterator]()
    await first.next()
    const refused = { code: 'BINGO_LOG_GROUP_BUSY', retryable: true, message: expect.stringContaining('"g"') as string }
    await expect(entriesOf(provider, null, { group: 'g' })).rejects.toMatchObject(refused)
    expect(ids(await entriesOf(provider, null, { group: 'other' }))).toHaveLength(2)
    await first.return?.()
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toHaveLength(2)
  })

  test('a new group begins at the given place', async () => {
    const provider = await open()
    await post(provider, newEvents(0, 4))
    const places = await placesOf(provider)
    expect(ids(await entriesOf(provider, places[1]!, { group: 'g' }))).toEqual(['2', '3'])
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['2', '3'])
  })

  test('what a group leaves out by its pattern holds nothing back', async () => {
    const provider = await open()
    const other = { type: 'other' }
    await post(provider, [newEvent(1), newEvent(2, other), newEvent(3), newEvent(4, other)])
    const places = await placesOf(provider)
    expect(ids(await entriesOf(provider, null, { group: 'g', pattern: 'other' }))).toEqual(['2', '4'])
    await provider.log.ack('g', [places[1]!, places[3]!])
    expect((await provider.log.stats()).groups).toMatchObject([{ acknowledged: places[3]!, pending: 0 }])
  })

  test('trims only below what every group has acknowledged', async () => {
    const provider = await open()
    const { log } = provider
    await post(provider, newEvents(0, 6))
    const places = await placesOf(provider)
    await entriesOf(provider, null, { group: 'fast' })
    await entriesOf(provider, null, { group: 'slow' })
    await log.ack('fast', places)
    await log.ack('slow', [places[0]!, places[1]!, places[3]!])
    expect(await log.trim(places[5]!)).toBe(2)
    expect(ids(await entriesOf(provider))).toEqual(['2', '3', '4', '5'])
    expect(ids(await entriesOf(provider, null, { group: 'slow' }))).toEqual(['2', '4', '5'])
    await log.ack('slow', places)
    expect(await log.trim(places[4]!)).toBe(2)
    expect(await log.trim(places[4]!)).toBe(0)
    expect(await log.stats()).toMatchObject({ count: 2, first: places[4], last: places[5] })
  })

  test('gives no place twice, also after everything was trimmed', async () => {
    const provider = await open()
    await post(provider, newEvents(0, 3))
    const places = await placesOf(provider)
    await provider.log.trim(String(Number(places[2]) + 1))
    expect(await provider.log.stats()).toMatchObject({ count: 0, first: null, last: null })
    await post(provider, [newEvent('next')], { now: NOW + 1 })
    const [next] = await placesOf(provider)
    expect(Number(next)).toBeGreaterThan(Number(places[2]))
  })
}
