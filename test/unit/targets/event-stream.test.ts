import { describe, expect, test } from 'vitest'
import { createEventStore } from '../../../src/event-store/create.ts'
import type { EventStore } from '../../../src/event-store/contract.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { Change } from '../../../src/model/event/change.ts'
import type { StreamSink } from '../../../src/model/event/posted/stream-sink.ts'
import type { Sendable, Target } from '../../../src/model/rule/action.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { all } from '../../support/event-store/contract.ts'
import { ADA, changeOf } from '../../support/match-tables.ts'
import { posted } from '../../support/posted-events.ts'
import { summary } from '../../support/redelivery.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const { signal } = new AbortController()
const ORDER = 'event: {stream: "order-{{key}}", type: order.placed, payload: {n: "{{payload.n}}"}}'

const planOf = (action: string, on = 'on: "**", source: api') =>
  rulesFrom(`rules:\n  - {id: r, ${on}, actions: [{type: event, ${action}}]}`)[0]!.actions[0]!

function jobOf(action: string, change: Change, on?: string): Sendable {
  const plan = planOf(action, on)
  return { id: change.id, key: change.key ?? change.id, at: 0, payload: plan.bind(change.table)(change), action: plan }
}

const open = (streams: StreamSink | undefined, action = ORDER): Promise<Target> =>
  actionTypes().get('event')!.open(planOf(action).target, { log: silentLog, now: Date.now, streams })

const order = (id: string, key: string, n: unknown = id): Change => posted({ id, key, payload: { n } as never })

/** `stream@version type payload` in the order of the global positions. */
async function stored(store: EventStore): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { stream, version, type, payload } of store.readAll()) {
    found.push(`${stream}@${version} ${type} ${JSON.stringify(payload)}`)
  }
  return found
}

/** Counts the appends of a store, and refuses some. */
function counted(store: EventStore, refuse: (stream: string) => BingoError | null = () => null) {
  const appends: string[] = []
  const sink: StreamSink = {
    description: store.description,
    appendToStream: (stream, events, options) => {
      appends.push(`${stream}:${events.length}`)
      const error = refuse(stream)
      return error === null ? store.appendToStream(stream, events, options) : Promise.reject(error)
    },
  }
  return { appends, sink }
}

describe('An action with a stream', () => {
  test('appends what it makes, with its cause, in the order of its causes', async () => {
    await using store = createEventStore('memory:')
    const target = await open(store as StreamSink)
    const parent = posted({ id: 'e1', key: '17', payload: { n: 1 }, userId: '7', correlationId: 'chain', hops: 2 })
    expect(await target.send([jobOf(ORDER, parent), jobOf(ORDER, order('e2', '17'))], signal)).toBeUndefined()
    expect(await stored(store)).toEqual(['order-17@1 order.placed {"n":1}', 'order-17@2 order.placed {"n":"e2"}'])
    const [first] = await all(store.readStream('order-17', { max: 1 }))
    expect(first).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{32}-3$/) as string,
      source: 'internal',
      timestamp: '2026-11-28T10:00:00.000Z',
      correlationId: 'chain',
      causationId: 'e1',
      userId: '7',
    })
  })

  test('can be made of a row, and says which service it comes from', async () => {
    await using store = createEventStore('memory:')
    const row = changeOf({ ...ADA, status: 0 }, ADA)
    const action = 'event: {stream: "user-{{id}}", type: user.activated, source: shop, payload: {id: "{{id}}"}}'
    const target = await open(store as StreamSink, action)
    await target.send([jobOf(action, row, 'table: users')], signal)
    expect(await all(store.readAll())).toMatchObject([
      { stream: 'user-101', type: 'user.activated', source: 'shop', causationId: row.id, payload: { id: 101 } },
    ])
  })

  test('stores nothing twice, whatever was stored with it', async () => {
    await using store = createEventStore('memory:')
    const target = await open(store as StreamSink)
    const jobs = ['a', 'b', 'c', 'd'].map((id) => jobOf(ORDER, order(id, '1')))
    await target.send(jobs.slice(0, 2), signal)
    // A replay puts together other batches than the first time.
    expect(await target.send(jobs, signal)).toBeUndefined()
    expect(await target.send(jobs.slice(1, 3), signal)).toBeUndefined()
    expect((await stored(store)).map((line) => line.slice(0, 9))).toEqual([1, 2, 3, 4].map((n) => `order-1@${n}`))
  })

  test('leaves what it appended before the rule said something else', async () => {
    await using store = createEventStore('memory:')
    const target = await open(store as StreamSink)
    const named = (n: number) => `id: a, event: {stream: "order-{{key}}", type: order.placed, payload: {n: ${n}}}`
    for (const n of [1, 2]) expect(await target.send([jobOf(named(n), order('e1', '1'))], signal)).toBeUndefined()
    expect(await stored(store)).toEqual(['order-1@1 order.placed {"n":1}'])
  })

  test('keeps integers of any size', async () => {
    await using store = createEventStore('memory:', { exactNumbers: true })
    const target = await open(store as StreamSink)
    await target.send([jobOf(ORDER, order('e1', '1', 2n ** 60n))], signal)
    expect(await all(store.readAll())).toMatchObject([{ payload: { n: 2n ** 60n } }])
  })
})

describe('One send', () => {
  test('groups what one stream takes at any version', async () => {
    await using store = createEventStore('memory:')
    const { appends, sink } = counted(store)
    const target = await open(sink)
    const keys = ['1', '2', '1', '1', '2', '3']
    await target.send(
      keys.map((key, i) => jobOf(ORDER, order(`e${i}`, key))),
      signal,
    )
    expect(appends.toSorted()).toEqual(['order-1:3', 'order-2:2', 'order-3:1'])
  })

  test('keeps the order of a key over its streams', async () => {
    await using store = createEventStore('memory:')
    const { appends, sink } = counted(store)
    const byName = 'event: {stream: "{{payload.n}}", type: a.b, payload: {id: "{{event.id}}"}}'
    const target = await open(sink, byName)
    const jobs = ['x', 'y', 'x', 'x'].map((stream, i) => jobOf(byName, order(`e${i}`, 'k', stream)))
    await target.send(jobs, signal)
    expect(appends).toEqual(['x:1', 'y:1', 'x:2'])
    expect((await stored(store)).map((line) => line.split(' ')[0])).toEqual(['x@1', 'y@1', 'x@2', 'x@3'])
  })

  test('is refused for a stream with another version: a dead letter, which holds back what follows on its key', async () => {
    await using store = createEventStore('memory:')
    await store.appendToStream('order-1', [{ type: 'a.b', payload: 1 }])
    const fresh = 'event: {stream: "order-{{payload.n}}", type: order.opened, payload: 1, expectedVersion: no-stream}'
    const target = await open(store as StreamSink)
    const jobs = [
      jobOf(fresh, order('e1', 'k', '1')),
      jobOf(fresh, order('e2', 'k', '2')),
      jobOf(fresh, order('e3', 'other', '3')),
    ]
    expect(summary(await target.send(jobs, signal))).toEqual([
      'poison BINGO_STORE_VERSION_CONFLICT',
      'unknown BINGO_BEHIND_FAILURE',
      null,
    ])
    // The same again is no conflict with itself.
    expect(await target.send([jobs[2]!], signal)).toBeUndefined()
    expect(await store.streamExists('order-2')).toBe(false)
  })

  test('takes the version from the event', async () => {
    await using store = createEventStore('memory:')
    const action = 'event: {stream: s, type: a.b, payload: 1, expectedVersion: "{{payload.n}}"}'
    const target = await open(store as StreamSink)
    const jobs = [0, 1, 5].map((n) => jobOf(action, order(`e${n}`, `k${n}`, n)))
    expect(summary(await target.send(jobs, signal))).toEqual([null, null, 'poison BINGO_STORE_VERSION_CONFLICT'])
    const bad = order('e9', 'k', 'soon')
    expect(() => jobOf(action, bad)).toThrow(expect.objectContaining({ code: 'BINGO_EVENT_CONTENT' }))
  })

  test.each([
    ['BINGO_STORE_UNREACHABLE', undefined, 'down'],
    ['BINGO_STORE_REFUSED', undefined, 'down'],
    ['BINGO_STORE_UNREACHABLE', { errno: 1153, sqlState: '08S01' }, 'poison'],
    ['BINGO_STORE_UNREACHABLE', { code: '54000' }, 'poison'],
    ['BINGO_STORE_UNREACHABLE', { errno: 3157, sqlState: '22032' }, 'poison'],
    ['BINGO_STORE_ARGUMENT_INVALID', undefined, 'poison'],
  ])('that fails with %s (%j) is %s', async (code, cause, kind) => {
    await using store = createEventStore('memory:')
    const target = await open(counted(store, () => new BingoError(code, 'no', { cause })).sink)
    expect(summary(await target.send([jobOf(ORDER, order('e1', '1'))], signal))).toEqual([`${kind} ${code}`])
  })

  test('has nowhere to go without an event store', async () => {
    await expect(open(undefined)).rejects.toThrow(expect.objectContaining({ code: 'BINGO_EVENT_NO_STREAMS' }))
  })
})

test.each([
  ['event: {stream: s, type: a.b, key: k}', 'an event of a stream has no key'],
  ['event: {stream: s, type: a.b, context: {a: 1}}', 'an event of a stream has no context'],
  ['event: {stream: s, type: a.b}, deliverAfter: 5s', 'an append to a stream cannot wait'],
  ['event: {stream: " s", type: a.b}', 'the name of the stream must not begin or end with a blank'],
  ['event: {stream: s, type: a.b, expectedVersion: newest}', '"newest" is not a version of a stream'],
  ['event: {stream: s, type: a.b, expectedVersion: -1}', '"-1" is not a version of a stream'],
  ['event: {type: a.b, expectedVersion: 3}', 'expectedVersion is for events that are appended to a stream'],
  ['event: {type: a.b, source: shop}', 'source is for events that are appended to a stream'],
])('Wrong in a rule: %s', (action, message) => {
  const problems = problemsIn(`rules:\n  - {id: r, on: "*", source: api, actions: [{type: event, ${action}}]}`)
  expect(problems).toEqual([expect.stringContaining(`BINGO_RULE_EVENT_STREAM ${message}`)])
})
