import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Publisher } from '../../../src/events/publisher.ts'
import type { InvalidPosting } from '../../../src/events/errors.ts'
import type { EventLimits } from '../../../src/events/settings.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import { decodeEnvelope, encodeEnvelope } from '../../../src/model/event/forms/event-codec.ts'
import { EventCounters } from '../../../src/model/event/posted/event-counters.ts'
import { inProcess, type Poster } from '../../../src/model/event/posted/posting.ts'
import { readJson } from '../../../src/model/json/strict-json.ts'
import type { EventProvider, NewEvent } from '../../../src/model/state/event-provider.ts'
import { MemoryEvents } from '../../support/memory-events.ts'

const NOW = Date.parse('2026-11-28T10:00:00Z')
const LIMITS: EventLimits = {
  eventBytes: 1_000,
  requestBytes: 10_000,
  depth: 8,
  batch: 10,
  ratePerSecond: null,
  hops: 16,
}
const BY: Poster = { environment: 'default', isTest: false, source: 'api', limitedAs: 'me', hops: 0 }

function setup(limits: Partial<EventLimits> = {}) {
  const time = { now: NOW, mono: 0 }
  const clock = { ...systemClock, now: () => time.now, monotonicMs: () => time.mono }
  const provider = new MemoryEvents()
  const counters = new EventCounters()
  const publisher = new Publisher({ provider, limits: { ...LIMITS, ...limits }, instanceId: 'one', clock, counters })
  const post = (event: unknown, options?: unknown, by = BY) => publisher.publish({ events: [event], options }, by)
  return { time, provider, counters, publisher, post }
}

async function refused(work: Promise<unknown>): Promise<{ code: string; problems?: readonly { path: string }[] }> {
  return work.then(
    () => expect.fail('taken'),
    (error: InvalidPosting) => ({ code: error.code, ...(error.problems && { problems: error.problems }) }),
  )
}

test('an event is completed and stored, and the log holds what was sent', async () => {
  const { post, provider } = setup()
  const [posted] = await post({ name: 'orders.order.create', key: 'order-17', payload: { total: 9007199254740993n } })
  expect(posted).toMatchObject({
    tag: 'stored',
    record: {
      type: 'orders.order.create',
      source: 'api',
      key: 'order-17',
      environment: 'default',
      instanceId: 'one',
      timestamp: NOW,
      deliverAt: null,
      isTest: false,
      status: 'pending',
    },
  })
  expect(posted!.record.id).toMatch(/^[0-9a-f-]{36}$/)
  for await (const entry of provider.log.read(null, { until: '1', signal: new AbortController().signal })) {
    expect(decodeEnvelope(entry.payload)).toMatchObject({ payload: { total: 9007199254740993n }, hops: 0 })
  }
})

test.each<[string, unknown, unknown, string]>([
  ['no type', {}, undefined, '$.events[0].type'],
  ['a type with a wildcard', { type: 'a.*' }, undefined, '$.events[0].type'],
  ['a type with an empty part', { type: 'a..b' }, undefined, '$.events[0].type'],
  ['two different types', { type: 'a', name: 'b' }, undefined, '$.events[0].name'],
  ['an id of 10 kB', { type: 'a', id: 'x'.repeat(10_000) }, undefined, '$.events[0].id'],
  ['an id with a blank', { type: 'a', id: 'a b' }, undefined, '$.events[0].id'],
  ['a type of BinGo itself', { type: 'bingo.rule.invoke' }, undefined, '$.events[0].type'],
  ['an empty id', { type: 'a', id: '' }, undefined, '$.events[0].id'],
  ['a key that is a number', { type: 'a', key: 1 }, undefined, '$.events[0].key'],
  ['a key with a NUL', { type: 'a', key: 'a\0b' }, undefined, '$.events[0].key'],
  ['a context that is a list', { type: 'a', context: [] }, undefined, '$.events[0].context'],
  ['a wrong date', { type: 'a', timestamp: '2026-13-45' }, undefined, '$.events[0].timestamp'],
  ['a date without a zone', { type: 'a', timestamp: '2026-11-28T10:00:00' }, undefined, '$.events[0].timestamp'],
  ['a date that is none', { type: 'a', timestamp: new Date('x') }, undefined, '$.events[0].timestamp'],
  ['an unknown member', { type: 'a', pyload: 1 }, undefined, '$.events[0].pyload'],
  ['a text as event', 'a', undefined, '$.events[0]'],
  ['an unknown option', { type: 'a' }, { deliverIn: 5 }, '$.options.deliverIn'],
  ['a past deliverAt', { type: 'a' }, { deliverAt: '2020-01-01T00:00:00Z' }, '$.options.deliverAt'],
  ['a wrong deliverAt', { type: 'a' }, { deliverAt: 'tomorrow' }, '$.options.deliverAt'],
  ['half a second', { type: 'a' }, { deliverAfter: 0.5 }, '$.options.deliverAfter'],
  ['a payload of a function', { type: 'a', payload: { f: () => 1 } }, undefined, '$.events[0].payload.f'],
  ['a payload with NaN', { type: 'a', payload: [Number.NaN] }, undefined, '$.events[0].payload[0]'],
  [
    'a payload with __proto__',
    { type: 'a', payload: JSON.parse('{"x":{"__proto__":{}}}') },
    undefined,
    '$.events[0].payload.x.__proto__',
  ],
])('%s is refused with its path, and nothing is stored', async (_, event, options, path) => {
  const { post, provider, counters } = setup()
  const { code, problems } = await refused(post(event, options))
  expect(code).toBe('BINGO_EVENT_REFUSED')
  expect(problems?.[0]?.path).toBe(path)
  expect(provider.records.size).toBe(0)
  expect(counters.failures.get('BINGO_EVENT_REFUSED')).toBe(1)
})

test('a payload that is a circle is refused', async () => {
  const circle: { self?: object } = {}
  circle.self = circle
  expect((await refused(setup().post({ type: 'a', payload: circle }))).code).toBe('BINGO_EVENT_REFUSED')
})

test('one wrong event of a batch keeps all of them out', async () => {
  const { publisher, provider } = setup()
  const events = [{ type: 'a' }, { type: '' }, { type: 'b' }]
  expect((await refused(publisher.publish({ events }, BY))).problems).toMatchObject([{ path: '$.events[1].type' }])
  expect(provider.records.size).toBe(0)
})

test('an event that is too large, and a batch of too many, are refused', async () => {
  const { post, publisher, provider } = setup()
  expect((await refused(post({ type: 'a', payload: 'x'.repeat(1_000) }))).code).toBe('BINGO_EVENT_TOO_LARGE')
  const events = Array.from({ length: 11 }, () => ({ type: 'a' }))
  expect((await refused(publisher.publish({ events }, BY))).problems?.[0]?.path).toBe('$.events')
  expect(provider.records.size).toBe(0)
})

test('the rate limit counts each poster, and is asked before anything is stored', async () => {
  const { post, provider, time } = setup({ ratePerSecond: 2 })
  await post({ type: 'a' })
  await post({ type: 'a' })
  const error = await post({ type: 'a' }).catch((e: unknown) => e)
  expect(error).toMatchObject({ code: 'BINGO_EVENT_RATE', retryable: true, retryAfterMs: 500 })
  expect(provider.records.size).toBe(2)
  await post({ type: 'a' }, undefined, { ...BY, limitedAs: 'other' })
  await post({ type: 'a' }, undefined, inProcess('default', 'internal'))
  time.mono += 500
  await post({ type: 'a' })
})

test('deliverAt wins over deliverAfter; 0 seconds or less mean now', async () => {
  const { post } = setup()
  const due = async (options: object) => (await post({ type: 'a' }, options))[0]!.record.deliverAt
  expect(await due({ deliverAt: '2026-11-28T11:00:00Z', deliverAfter: 5 })).toBe(NOW + 3_600_000)
  expect(await due({ deliverAfter: 5 })).toBe(NOW + 5_000)
  expect(await due({ deliverAfter: 0 })).toBe(null)
  expect(await due({ deliverAfter: -5 })).toBe(null)
  expect(await due({ deliverAt: new Date(NOW - 1_000) })).toBe(null)
})

test('an idempotency key is the id of an event that has none', async () => {
  const { publisher } = setup()
  const posting = { events: [{ type: 'a' }], idempotencyKey: 'k-1' }
  expect((await publisher.publish(posting, BY))[0]).toMatchObject({ tag: 'stored', record: { id: 'k-1' } })
  expect((await publisher.publish(posting, BY))[0]).toMatchObject({ tag: 'duplicate', record: { id: 'k-1' } })
  const own = { events: [{ type: 'a', id: 'mine' }], idempotencyKey: 'k-1' }
  expect((await publisher.publish(own, BY))[0]?.record.id).toBe('mine')
})

test('a payload that does not fit the schema of its type is refused with its place', async () => {
  const { provider, counters } = setup()
  const schemas = {
    files: [],
    misfitOf: (type: string) => (type === 'a' ? { path: '$.payload.id', message: 'no' } : null),
  }
  const clock = systemClock
  const publisher = new Publisher({
    provider,
    limits: LIMITS,
    instanceId: 'one',
    clock,
    counters,
    schemas: () => schemas,
  })
  const { code, problems } = await refused(publisher.publish({ events: [{ type: 'b' }, { type: 'a' }] }, BY))
  expect([code, problems]).toEqual(['BINGO_EVENT_REFUSED', [{ path: '$.events[1].payload.id', message: 'no' }]])
  expect(provider.records.size).toBe(0)
})

test('events of a test environment are tests; a chain of events that rules made ends', async () => {
  const { post } = setup()
  expect((await post({ type: 'a' }, undefined, { ...BY, isTest: true }))[0]?.record.isTest).toBe(true)
  expect((await refused(post({ type: 'a' }, undefined, inProcess('default', 'internal', 17)))).code).toBe(
    'BINGO_EVENT_HOPS',
  )
})

test('what the provider cannot take now is refused with its code, and counted', async () => {
  const { post, provider, counters } = setup()
  provider.refuseWith = new BingoError('BINGO_LOG_FULL', 'full', { retryable: true })
  expect((await refused(post({ type: 'a' }))).code).toBe('BINGO_LOG_FULL')
  expect(counters.failures.get('BINGO_LOG_FULL')).toBe(1)
})

test('counters have a bounded number of labels, whatever types senders make up', async () => {
  const { post, counters } = setup()
  for (let i = 0; i < 300; i++) await post({ type: `t${i}` })
  const byType = counters.published.get('api')!
  expect(byType.size).toBe(201)
  expect(byType.get('other')).toBe(100)
})

test('what readers get as it was posted is what they would read of the store', async () => {
  const taken: NewEvent[] = []
  const provider: Pick<EventProvider, 'post'> = {
    post: async (events) => {
      taken.push(...events)
      return []
    },
  }
  const limits = { ...LIMITS, eventBytes: 1e6, depth: 100 }
  const publisher = new Publisher({
    provider,
    limits,
    instanceId: 'one',
    clock: systemClock,
    counters: new EventCounters(),
  })
  const number = fc.constantFrom('-0', '1e3', '1e20', '9007199254740993', '0.1', '5e-324', '1.50', '-7')
  const members = fc.record({ payload: fc.jsonValue(), context: fc.dictionary(fc.string(), fc.jsonValue()) })
  await fc.assert(
    fc.asyncProperty(members, number, async ({ payload, context }, written) => {
      const text = JSON.stringify({ type: 'a', payload: [payload, '@number@'], context }).replace('"@number@"', written)
      fc.pre(!text.includes('__proto__'))
      const { value, isPlain } = readJson(text, 100)
      await publisher.publish({ events: [value], isParsed: true, isPlain, maxEventBytes: text.length }, BY)
      const { event, read } = taken.pop()!
      expect(read).toBe(isPlain ? event : undefined)
      // What is not as it will be read is read from its bytes.
      const stored = decodeEnvelope(encodeEnvelope(event))
      expect(shapes({ ...(read ?? stored) })).toEqual(shapes({ ...stored }))
    }),
    { numRuns: 500 },
  )
})

test('what programs publish is read as it comes out of the store, or has to be read there, and is nothing that they can change', async () => {
  const taken: NewEvent[] = []
  const provider: Pick<EventProvider, 'post'> = {
    post: async (events) => {
      taken.push(...events)
      return []
    },
  }
  const limits = { ...LIMITS, eventBytes: 1e6, depth: 3 }
  const deps = { provider, limits, instanceId: 'one', clock: systemClock, counters: new EventCounters() }
  const publisher = new Publisher(deps)
  const odd = fc.constantFrom<unknown>(
    -0,
    1e20,
    2n ** 70n,
    0.1,
    new Date(0),
    Object.assign([], { length: 1 }),
    [undefined],
    '\ud800',
    new Error('no'),
  )
  const leaf = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constant(undefined), odd)
  const payload = fc.oneof(leaf, fc.dictionary(fc.string(), leaf), fc.array(leaf))
  const context = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }))
  // Of the others about one in nine can be copied: half are such as always can.
  const plain = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,5}$/),
    fc.oneof(fc.integer(), fc.boolean(), fc.constant(null)),
  )
  const members = fc.oneof(fc.tuple(payload, context), fc.tuple(plain, plain))
  let copies = 0
  await fc.assert(
    fc.asyncProperty(members, async ([payload, context]) => {
      await publisher.publish({ events: [{ type: 'a', payload, context }] }, BY).catch(() => undefined)
      const made = taken.pop()
      if (made?.read === undefined) return
      copies += 1
      const { event, read, encoded } = made
      expect(Buffer.from(encoded!)).toEqual(Buffer.from(encodeEnvelope(event)))
      expect(shapes({ ...read })).toEqual(shapes({ ...decodeEnvelope(encoded!) }))
      expect(read).not.toBe(event)
      const isShared = typeof payload === 'object' && payload !== null && read.payload === payload
      expect(isShared).toBe(false)
    }),
    { numRuns: 1_000 },
  )
  expect(copies).toBeGreaterThan(100)
})

/** With the prototype of each map. */
function shapes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(shapes)
  return [Object.getPrototypeOf(value), ...Object.entries(value).map(([key, each]) => [key, shapes(each)])]
}
