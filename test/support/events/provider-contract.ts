import { expect, test as whole } from 'vitest'
import type { Test } from '../forms.ts'
import type { EventFilter, EventProvider } from '../../../src/model/state/event-provider.ts'
import { entriesOf, ids, newEvent, newEvents, NOW, placesOf, post } from './new-event.ts'
import type { OpenProvider } from './new-event.ts'

const name = (id: number | string) => ({ environment: 'default', id: String(id) })
const get = (provider: EventProvider, id: number | string) => provider.get(name(id))

/** Posted, waiting and cancelled events: what every provider does about ids, times and bounds. */
export function describePosting(open: OpenProvider, test: Test = whole): void {
  test('stores an id once, in one call and in several, and answers what is stored', async () => {
    const provider = await open()
    const first = newEvent('a', { payload: { n: 1, list: [1, { x: 2n ** 60n }] }, timestamp: 5 })
    expect(await post(provider, [first])).toMatchObject([
      { tag: 'stored', record: { ...first.event, status: 'pending', matched: 0, createdAt: NOW, outcomes: [] } },
    ])
    const later = { now: NOW + 10 }
    const same = newEvent('a', { payload: { list: [1, { x: 2n ** 60n }], n: 1 }, timestamp: 5, traceparent: '00-1' })
    const again = await post(provider, [same, newEvent('b'), newEvent('b')], later)
    expect(again.map(({ tag }) => tag)).toEqual(['duplicate', 'stored', 'duplicate'])
    expect(again[0]!.record).toEqual(await get(provider, 'a'))
    expect(again[0]!.record.createdAt).toBe(NOW)
    expect(ids(await entriesOf(provider))).toEqual(['a', 'b'])
  })

  test('the same id in another environment, or written another way, is another event', async () => {
    const provider = await open()
    const long = 'x'.repeat(5_000)
    const events = [
      newEvent('a'),
      newEvent('a', { environment: 'test' }),
      newEvent('A'),
      newEvent('a '),
      newEvent('á'),
      newEvent(long),
      newEvent(`${long}y`),
    ]
    expect((await post(provider, events)).map(({ tag }) => tag)).toEqual(events.map(() => 'stored'))
    expect((await post(provider, events)).map(({ tag }) => tag)).toEqual(events.map(() => 'duplicate'))
    expect(await provider.get({ environment: 'nowhere', id: 'a' })).toBe(null)
  })

  test('keeps what is stored when other content comes under its id, or refuses that where it is asked to', async () => {
    const provider = await open()
    await post(provider, [newEvent('a', { payload: { n: 1 } })])
    const other = newEvent('a', { payload: { n: 2 } })
    expect(await post(provider, [other])).toMatchObject([{ tag: 'conflict', record: { payload: { n: 1 } } }])
    const refused = { code: 'BINGO_EVENT_CONFLICT', retryable: false }
    const asked = post(provider, [newEvent('new'), other], { onConflict: 'error' })
    const beside = post(provider, [newEvent('beside')])
    await expect(asked).rejects.toMatchObject(refused)
    expect(await beside).toMatchObject([{ tag: 'stored' }])
    expect(await get(provider, 'new')).toBe(null)
    expect(ids(await entriesOf(provider))).toEqual(['a', 'beside'])
    // What the sender did not give is no other content.
    const { event } = newEvent('a', { source: 'other', key: 'k', payload: { n: 1 } })
    expect(await post(provider, [{ event, sent: new Set(['id', 'payload']) }])).toMatchObject([{ tag: 'duplicate' }])
  })

  test('an event that is due later enters the log once, when it is due, in the order of the times', async () => {
    const provider = await open()
    await post(provider, [
      newEvent('late', { deliverAt: NOW + 3_000 }),
      newEvent('now', { deliverAt: NOW - 1 }),
      newEvent('b', { deliverAt: NOW + 1_000 }),
      newEvent('c', { deliverAt: NOW + 1_000 }),
      newEvent('a', { deliverAt: NOW + 500 }),
    ])
    expect(ids(await entriesOf(provider))).toEqual(['now'])
    expect(await provider.due(NOW, 10)).toEqual({ moved: 0, nextAt: NOW + 500 })
    expect(await provider.due(NOW + 1_000, 2)).toEqual({ moved: 2, nextAt: NOW + 1_000 })
    expect(await provider.due(NOW + 1_000, 10)).toEqual({ moved: 1, nextAt: NOW + 3_000 })
    const moved = await Promise.all([1, 2, 3].map(() => provider.due(NOW + 9_000, 10)))
    expect(moved.reduce((sum, each) => sum + each.moved, 0)).toBe(1)
    expect(await provider.due(NOW + 9_000, 10)).toEqual({ moved: 0, nextAt: null })
    expect(ids(await entriesOf(provider))).toEqual(['now', 'a', 'b', 'c', 'late'])
    expect((await post(provider, [newEvent('a', { deliverAt: NOW + 500 })]))[0]!.tag).toBe('duplicate')
    expect(await get(provider, 'late')).toMatchObject({ deliverAt: NOW + 3_000, status: 'pending' })
  })

  test('what is due in 5 s or more can be changed, field by field, its time too', async () => {
    const provider = await open()
    const waiting = { deliverAt: NOW + 60_000, payload: { n: 1 }, key: 'k' }
    await post(provider, [newEvent('a', waiting), newEvent('soon', { deliverAt: NOW + 4_999, payload: { n: 1 } })])
    const changed = newEvent('a', { payload: { n: 2 }, deliverAt: NOW + 30_000, instanceId: 'other' })
    expect(await post(provider, [changed, newEvent('soon', { payload: { n: 2 } })], { now: NOW })).toMatchObject([
      { tag: 'updated', record: { payload: { n: 2 }, key: 'k', deliverAt: NOW + 30_000, instanceId: 'test' } },
      { tag: 'conflict', record: { payload: { n: 1 } } },
    ])
    expect((await post(provider, [changed]))[0]!.tag).toBe('duplicate')
    expect(await provider.due(NOW + 29_999, 10)).toEqual({ moved: 1, nextAt: NOW + 30_000 })
    expect(await provider.due(NOW + 60_000, 10)).toEqual({ moved: 1, nextAt: null })
    const entries = await entriesOf(provider)
    expect(ids(entries)).toEqual(['soon', 'a'])
    expect(Buffer.from(entries[1]!.payload).toString()).toContain('"n":2')
  })

  test('a waiting event that is posted again without a time leaves at once, once', async () => {
    const provider = await open()
    const later = newEvent('a', { deliverAt: NOW + 60_000, payload: 1 })
    const at_once = newEvent('a', { deliverAt: null, payload: 2 })
    const tags = (await post(provider, [later, at_once, at_once])).map(({ tag }) => tag)
    expect(tags).toEqual(['stored', 'updated', 'duplicate'])
    expect(await provider.due(NOW + 60_000, 10)).toEqual({ moved: 0, nextAt: null })
    expect(ids(await entriesOf(provider))).toEqual(['a'])
    expect((await post(provider, [newEvent('a', { payload: 3 })]))[0]!.tag).toBe('conflict')
  })

  test('a cancelled event never leaves and stays cancelled, whatever is posted under its id', async () => {
    const provider = await open()
    const waiting = newEvent('a', { deliverAt: NOW + 60_000 })
    await post(provider, [waiting, newEvent('b')])
    expect(await provider.cancel(name('a'), NOW + 1)).toBe('cancelled')
    expect(await provider.cancel(name('a'), NOW + 2)).toBe('already cancelled')
    expect(await provider.cancel(name('b'), NOW + 2)).toBe('too late')
    expect(await provider.cancel(name('c'), NOW + 2)).toBe('unknown')
    expect((await post(provider, [waiting]))[0]!.tag).toBe('duplicate')
    expect((await post(provider, [newEvent('a', { payload: 'other', deliverAt: null })]))[0]!.tag).toBe('conflict')
    expect(await provider.due(NOW + 60_000, 10)).toEqual({ moved: 0, nextAt: null })
    await provider.progress([{ ...name('a'), at: NOW + 3, status: 'completed' }])
    expect(await get(provider, 'a')).toMatchObject({ status: 'cancelled', cancelledAt: NOW + 1, completedAt: null })
    expect(ids(await entriesOf(provider))).toEqual(['b'])
    expect(await provider.replay(name('a'), NOW)).toBe('cancelled')
  })

  test('of a cancellation and its time, one wins', async () => {
    const provider = await open()
    const events = newEvents(0, 20).map(({ event }) => newEvent(event.id, { deliverAt: NOW + 10 }))
    await post(provider, events)
    const cancels = events.map(({ event }) => provider.cancel(event, NOW + 10))
    const [, ...answers] = await Promise.all([provider.due(NOW + 10, 7), ...cancels])
    const gone = new Set(ids(await entriesOf(provider)))
    for (const [i, { event }] of events.entries()) {
      expect([event.id, answers[i]]).toEqual([event.id, gone.has(event.id) ? 'too late' : 'cancelled'])
    }
  })

  test('a replay appends the event again as it was, after all others', async () => {
    const provider = await open()
    await post(provider, [newEvent('a', { payload: [1] }), newEvent('b'), newEvent('w', { deliverAt: NOW + 60_000 })])
    await provider.progress([{ ...name('a'), at: NOW + 1, status: 'failed', matched: 1, error: 'gone' }])
    expect(await provider.replay(name('a'), NOW + 5)).toMatchObject({ id: 'a', status: 'pending', retryCount: 1 })
    expect(await provider.replay(name('w'), NOW + 5)).toBe('waiting')
    expect(await provider.replay(name('x'), NOW + 5)).toBe('unknown')
    const entries = await entriesOf(provider)
    expect(ids(entries)).toEqual(['a', 'b', 'a'])
    expect(Buffer.from(entries[2]!.payload).equals(entries[0]!.payload)).toBe(true)
    expect(await get(provider, 'a')).toMatchObject({ status: 'pending', error: null, matched: 1 })
  })

  for (const [what, limit] of [
    ['events', { maxEvents: 3 }],
    ['bytes', { maxBytes: 1_600 }],
  ] as const) {
    test(`refuses more ${what} than its limit, stores none of it, and accepts more once there is room`, async () => {
      const now = { value: NOW }
      const provider = await open({ ...limit, idRetentionMs: 10, now: () => now.value })
      const sized = (from: number, to: number) =>
        newEvents(from, to).map(({ event: { id } }) => newEvent(id, { payload: 'x'.repeat(100) }))
      await post(provider, sized(0, 2))
      const refused = { code: 'BINGO_LOG_FULL', retryable: true }
      await expect(post(provider, sized(2, 5))).rejects.toMatchObject(refused)
      expect(await provider.log.stats()).toMatchObject({ count: 2 })
      const [small, large] = await Promise.allSettled([post(provider, sized(2, 3)), post(provider, sized(3, 9))])
      expect([small.status, large.status]).toEqual(['fulfilled', 'rejected'])
      // What is there already needs no room.
      expect(await post(provider, sized(0, 1))).toMatchObject([{ tag: 'duplicate' }])
      await entriesOf(provider, null, { group: 'g' })
      await provider.log.ack('g', await placesOf(provider))
      await provider.progress([0, 1].map((id) => ({ ...name(id), at: NOW, status: 'completed' as const })))
      now.value += 1_000
      await provider.expire(now.value)
      await post(provider, sized(3, 5))
      expect(ids(await entriesOf(provider))).toEqual(['3', '4'])
      expect(ids((await provider.list({ limit: 10 })).events)).toEqual(['4', '3', '2'])
    })
  }
}

/** The projection, and what is listed of it. */
export function describeIndex(open: OpenProvider, test: Test = whole): void {
  test('tells what became of an event, and merges what each action did', async () => {
    const provider = await open()
    await post(provider, newEvents(0, 2))
    const done = { rule: 'r', action: 0, status: 'done' as const, at: NOW + 2 }
    const failed = { rule: 'r', action: 1, status: 'failed' as const, at: NOW + 3, error: 'refused', deadLetter: 'd1' }
    await provider.progress([
      { ...name(0), at: NOW + 1, status: 'processing', matched: 1 },
      { ...name(0), at: NOW + 3, status: 'failed', outcomes: [done, failed], error: 'refused' },
      { ...name('unknown'), at: NOW, status: 'completed' },
      { ...name(1), at: NOW + 1, status: 'completed', matched: 0 },
    ])
    const first = { status: 'failed', matched: 1, processedAt: NOW + 1, completedAt: null, error: 'refused' }
    expect(await get(provider, 0)).toMatchObject({ ...first, outcomes: [done, failed], updatedAt: NOW + 3 })
    expect(await get(provider, 1)).toMatchObject({
      status: 'completed',
      matched: 0,
      completedAt: NOW + 1,
      outcomes: [],
    })
    const repaired = { ...failed, status: 'done' as const, at: NOW + 9 }
    await provider.progress([{ ...name(0), at: NOW + 9, outcomes: [repaired], retried: true }])
    const after = { status: 'completed', completedAt: NOW + 9, retryCount: 1, error: null }
    expect(await get(provider, 0)).toMatchObject({ ...after, deliveredAt: NOW + 9 })
    expect((await get(provider, 0))!.outcomes.map(({ status, action }) => [status, action])).toEqual([
      ['done', 0],
      ['done', 1],
    ])
  })

  test('lists what fits every given field, newest first', async () => {
    const provider = await open()
    const fields = [
      { type: 'shop.users.create', source: 'frontend', userId: 'u1', key: 'k' },
      { type: 'shop.users.update', source: 'api', accountId: 'a1', environment: 'test' },
      { type: 'shop.orders.create', source: 'api', isTest: true, key: 'k' },
      { type: 'mail', source: 'API', userId: 'u2' },
    ]
    for (const [i, each] of fields.entries()) await post(provider, [newEvent(i, each)], { now: NOW + i })
    await provider.progress([{ ...name(0), at: NOW, status: 'completed' }])
    await provider.progress([{ ...name(2), at: NOW, status: 'failed' }])
    const found = async (filter: Partial<EventFilter>) => ids((await provider.list({ limit: 10, ...filter })).events)
    expect(await found({})).toEqual(['3', '2', '1', '0'])
    expect(await found({ type: 'shop.*.create' })).toEqual(['2', '0'])
    expect(await found({ type: 'shop.**', source: 'api' })).toEqual(['2', '1'])
    expect(await found({ type: 'mail' })).toEqual(['3'])
    expect(await found({ source: 'API' })).toEqual(['3'])
    expect(await found({ key: 'k' })).toEqual(['2', '0'])
    expect(await found({ userId: 'u1' })).toEqual(['0'])
    expect(await found({ accountId: 'a1' })).toEqual(['1'])
    expect(await found({ environment: 'test' })).toEqual(['1'])
    expect(await found({ isTest: true })).toEqual(['2'])
    expect(await found({ isTest: false, environment: 'default' })).toEqual(['3', '0'])
    expect(await found({ status: 'pending' })).toEqual(['3', '1'])
    expect(await found({ status: 'failed' })).toEqual(['2'])
    expect(await found({ status: 'completed', key: 'k' })).toEqual(['0'])
    expect(await found({ since: NOW + 1, until: NOW + 3 })).toEqual(['2', '1'])
    expect(await found({ since: NOW + 9 })).toEqual([])
  })

  test('a page goes on where the one before it ended, whatever is posted meanwhile', async () => {
    const provider = await open()
    await post(provider, newEvents(0, 5))
    const first = await provider.list({ limit: 2 })
    expect(ids(first.events)).toEqual(['4', '3'])
    await post(provider, newEvents(5, 9))
    const second = await provider.list({ limit: 2, cursor: first.next! })
    expect(ids(second.events)).toEqual(['2', '1'])
    const last = await provider.list({ limit: 2, cursor: second.next! })
    expect([ids(last.events), last.next]).toEqual([['0'], null])
    expect(await provider.list({ limit: 1, type: 'nothing' })).toEqual({ events: [], next: null })
  })

  test('expires what has ended and was read by every group', async () => {
    let now = NOW
    const provider = await open({ idRetentionMs: 10_000, now: () => now })
    await post(provider, [
      ...newEvents(0, 4),
      newEvent('waits', { deliverAt: NOW + 100_000 }),
      newEvent('no', { deliverAt: NOW + 9_000 }),
    ])
    await entriesOf(provider, null, { group: 'g' })
    const places = await placesOf(provider)
    await provider.log.ack('g', [places[0]!, places[1]!, places[3]!])
    await provider.cancel(name('no'), NOW)
    await provider.progress([0, 1, 3].map((id) => ({ ...name(id), at: NOW, status: 'completed' as const })))
    now += 20_000
    expect(await provider.expire(NOW)).toBe(0)
    // 2 is still to be read, and 3 is behind it in the log.
    expect(await provider.expire(NOW + 1)).toBe(3)
    expect(ids((await provider.list({ limit: 10 })).events)).toEqual(['waits', '3', '2'])
    expect(ids(await entriesOf(provider))).toEqual(['2', '3'])
    expect((await post(provider, [newEvent(0), newEvent(3)])).map(({ tag }) => tag)).toEqual(['stored', 'duplicate'])
    expect(await provider.due(NOW + 100_000, 5)).toEqual({ moved: 1, nextAt: null })
    expect(ids(await entriesOf(provider, null, { group: 'g' }))).toEqual(['2', '0', 'waits'])
  })

  test('without a group that reads, nothing leaves the log', async () => {
    const provider = await open({ idRetentionMs: 10, now: () => NOW + 9_000 })
    await post(provider, newEvents(0, 2))
    await provider.progress([{ ...name(0), at: NOW, status: 'completed' }])
    expect(await provider.expire(NOW + 9_000)).toBe(0)
    expect(ids(await entriesOf(provider))).toEqual(['0', '1'])
  })
}

/** Of providers that survive their process: memory forgets ids when it needs the room. */
export function describeRetention(open: OpenProvider, test: Test = whole): void {
  test('remembers an id for the retention, whatever is to be expired', async () => {
    let now = NOW
    const provider = await open({ idRetentionMs: 10_000, now: () => now })
    await post(provider, newEvents(0, 2))
    await entriesOf(provider, null, { group: 'g' })
    await provider.log.ack('g', await placesOf(provider))
    await provider.progress([0, 1].map((id) => ({ ...name(id), at: NOW, status: 'completed' as const })))
    expect(await provider.expire(NOW + 1)).toBe(0)
    now += 10_000
    expect(await provider.expire(NOW + 1)).toBe(0)
    expect((await post(provider, [newEvent(0)]))[0]!.tag).toBe('duplicate')
    now += 1
    expect(await provider.expire(NOW + 1)).toBe(2)
    expect((await post(provider, [newEvent(0)]))[0]!.tag).toBe('stored')
  })
}
