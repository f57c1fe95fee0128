import { describe, expect, test } from 'vitest'
import { BingoError } from '../../../../src/model/errors.ts'
import { createApi } from '../../../../src/ops/api/app.ts'
import { apiDeps, TOKENS } from '../../../support/events-api.ts'
import type { MemoryEvents } from '../../../support/memory-events.ts'

type Setup = Parameters<typeof apiDeps>[0]

function setup(options: Setup = {}) {
  const parts = apiDeps(options)
  const app = createApi(parts.deps)
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    const response = await app.request(path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: text as string }),
    })
    const answer = (await response.json()) as { [field: string]: unknown }
    return { status: response.status, answer, headers: response.headers }
  }
  const post = (body: unknown, headers?: Record<string, string>) => call('POST', '/api/v1/events', body, headers)
  const memory = parts.provider as MemoryEvents
  return { ...parts, memory, call, post }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

test('an event that is posted answers its record, and can be read, listed and found by its filters', async () => {
  const { post, call } = setup()
  const { status, answer } = await post({
    event: { name: 'orders.order.create', id: 'o-1', key: 'order-17', source: 'frontend', payload: { total: 5 } },
  })
  expect(status).toBe(200)
  expect(answer).toMatchObject({
    id: 'o-1',
    type: 'orders.order.create',
    name: 'orders.order.create',
    source: 'frontend',
    status: 'pending',
    durability: 'memory',
    payload: { total: 5 },
    runs: [],
  })
  await post({ event: { type: 'mail.sent' } })
  for (const version of ['v1', 'v2']) {
    expect((await call('GET', `/api/${version}/events/o-1`)).answer).toMatchObject({ id: 'o-1', outcomes: [] })
  }
  const list = async (query: string) =>
    ((await call('GET', `/api/v1/events?${query}`)).answer['events'] as { type: string }[]).map(({ type }) => type)
  expect(await list('')).toEqual(['mail.sent', 'orders.order.create'])
  expect(await list('type=orders.**')).toEqual(['orders.order.create'])
  expect(await list('source=frontend&key=order-17&status=pending&isTest=false')).toEqual(['orders.order.create'])
  expect(await list('until=2020-01-01T00:00:00Z')).toEqual([])
  const first = await call('GET', '/api/v1/events?limit=1')
  expect(first.answer['events']).toHaveLength(1)
  expect(await list(`limit=1&cursor=${String(first.answer['next'])}`)).toEqual(['orders.order.create'])
})

test('numbers beyond 2^53 come back as they were sent', async () => {
  const { post, call, memory } = setup()
  const body = '{"event":{"type":"a","id":"n","payload":{"n":9007199254740993,"m":[-18446744073709551616]}}}'
  await post(body)
  expect([...memory.records.values()][0]?.payload).toEqual({ n: 9007199254740993n, m: [-18446744073709551616n] })
  const app = createApi(apiDeps({ provider: memory }).deps)
  expect(await (await app.request('/api/v1/events/n')).text()).toContain(
    '{"n":9007199254740993,"m":[-18446744073709551616]}',
  )
  expect((await call('GET', '/api/v1/events/n')).status).toBe(200)
})

test('a repeated id answers what is stored; other content does too, or is refused where that is asked for', async () => {
  const { post, counters } = setup()
  const event = { type: 'a', id: 'one', payload: 1 }
  await post({ event })
  expect((await post({ event })).answer).toMatchObject({ duplicate: true, payload: 1 })
  expect((await post({ event: { ...event, payload: 2 } })).answer).toMatchObject({ duplicate: true, payload: 1 })
  expect(counters.conflictsTotal).toBe(1)
  const refused = await post({ event: { ...event, payload: 2 }, options: { onConflict: 'error' } })
  expect([refused.status, refused.answer['code']]).toEqual([409, 'BINGO_EVENT_CONFLICT'])
})

test('the Idempotency-Key is the id of an event that has none', async () => {
  const { post } = setup()
  const send = () => post({ event: { type: 'a' } }, { 'idempotency-key': 'key-1' })
  expect((await send()).answer).toMatchObject({ id: 'key-1' })
  expect((await send()).answer).toMatchObject({ id: 'key-1', duplicate: true })
})

test('a delayed event can be cancelled until it is due; what was delivered cannot', async () => {
  const { post, call } = setup()
  await post({ event: { type: 'a', id: 'later' }, options: { deliverAfter: 60 } })
  expect((await call('POST', '/api/v1/events/later/cancel')).answer).toMatchObject({ status: 'cancelled' })
  expect((await call('POST', '/api/v1/events/later/cancel')).status).toBe(200)
  expect((await post({ event: { type: 'a', id: 'later' } })).answer).toMatchObject({ status: 'cancelled' })
  await post({ event: { type: 'a', id: 'now' } })
  const late = await call('POST', '/api/v1/events/now/cancel')
  expect([late.status, late.answer['code']]).toEqual([409, 'BINGO_EVENT_TOO_LATE'])
  expect((await call('POST', '/api/v1/events/none/cancel')).status).toBe(404)
})

test('a replay repeats an event under its id, but not one that has an effect, where that is asked for', async () => {
  const { post, call, memory } = setup()
  await post({ event: { type: 'a', id: 'one' } })
  expect((await call('POST', '/api/v1/events/one/replay')).status).toBe(200)
  expect((await memory.log.stats()).count).toBe(2)
  const outcomes = [{ rule: 'r', action: 0, status: 'done' as const, at: 1 }]
  await memory.progress([{ environment: 'default', id: 'one', at: 1, status: 'completed', outcomes }])
  const refused = await call('POST', '/api/v1/events/one/replay', { mode: 'ifNoEffect' })
  expect([refused.status, refused.answer['code']]).toEqual([409, 'BINGO_EVENT_HAS_EFFECT'])
  expect((await call('POST', '/api/v1/events/one/replay', { mode: 'force' })).status).toBe(200)
  expect((await call('POST', '/api/v1/events/one/replay', { mode: 'maybe' })).status).toBe(422)
})

test('several events are stored together or not at all, and answered as a bare list', async () => {
  const { call, memory } = setup()
  const bulk = (events: unknown) => call('POST', '/api/v1/events/bulk', { events })
  const { status, answer } = await bulk([
    { type: 'a', id: '1' },
    { type: 'b', id: '2' },
  ])
  expect(status).toBe(200)
  expect(answer).toMatchObject([{ id: '1' }, { id: '2' }])
  const refused = await bulk([
    { type: 'a', id: '3' },
    { type: 'b', id: '' },
  ])
  expect([refused.status, refused.answer['path']]).toEqual([422, '$.events[1].id'])
  expect(memory.records.size).toBe(2)
})

describe('What is refused, with nothing stored:', () => {
  const event = (text: string): string => `{"event":{"type":"a",${text}}}`
  test.each<[string, unknown, number, string, string | undefined]>([
    ['no JSON', 'hello', 400, 'BINGO_HTTP_JSON', '$'],
    ['an empty body', '', 400, 'BINGO_HTTP_JSON', '$'],
    ['half a JSON', '{"event":{"type":', 400, 'BINGO_HTTP_JSON', '$.event.type'],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 400, 'BINGO_HTTP_JSON', undefined],
    ['a body that is too large', `{"event":"${'x'.repeat(20_001)}"}`, 413, 'BINGO_EVENT_TOO_LARGE', undefined],
    ['an event that is too large', event(`"payload":"${'x'.repeat(5_000)}"`), 413, 'BINGO_EVENT_TOO_LARGE', undefined],
    [
      'what is too deep',
      event(`"payload":${'['.repeat(20)}${']'.repeat(20)}`),
      422,
      'BINGO_EVENT_REFUSED',
      '$.event.payload[0][0][0][0][0][0][0][0][0]',
    ],
    ['__proto__', event('"payload":{"__proto__":{"a":1}}'), 422, 'BINGO_EVENT_REFUSED', '$.event.payload.__proto__'],
    ['a key twice', event('"payload":{"a":1,"a":2}'), 422, 'BINGO_EVENT_REFUSED', '$.event.payload.a'],
    ['a type twice', event('"type":"b"'), 422, 'BINGO_EVENT_REFUSED', '$.event.type'],
    [
      'an unknown option',
      '{"event":{"type":"a"},"options":{"delay":1}}',
      422,
      'BINGO_EVENT_REFUSED',
      '$.options.delay',
    ],
    ['an unknown member', '{"event":{"type":"a"},"optoins":{}}', 422, 'BINGO_EVENT_REFUSED', '$.optoins'],
    ['a wrong date', event('"timestamp":"2026-02-30T00:00:00Z"'), 422, 'BINGO_EVENT_REFUSED', '$.event.timestamp'],
    [
      'a past deliverAt',
      '{"event":{"type":"a"},"options":{"deliverAt":"2001-01-01T00:00:00Z"}}',
      422,
      'BINGO_EVENT_REFUSED',
      '$.options.deliverAt',
    ],
    ['an id of 10 kB', event(`"id":"${'x'.repeat(10_240)}"`), 422, 'BINGO_EVENT_REFUSED', '$.event.id'],
    ['no event', '{}', 422, 'BINGO_EVENT_REFUSED', '$.event'],
    ['a list', '[]', 422, 'BINGO_EVENT_REFUSED', '$'],
  ])('%s', async (_, body, status, code, path) => {
    const { post, memory } = setup()
    const refused = await post(body)
    expect([refused.status, refused.answer['code'], refused.answer['path']]).toEqual([status, code, path])
    expect(memory.records.size).toBe(0)
  })

  test.each([
    ['an Idempotency-Key of 10 kB', 'x'.repeat(10_240)],
    ['an empty Idempotency-Key', ''],
    ['an Idempotency-Key with a blank', 'a b'],
  ])('%s', async (_, key) => {
    const { post, memory } = setup()
    const refused = await post({ event: { type: 'a' } }, { 'idempotency-key': key })
    expect([refused.status, refused.answer['code'], refused.answer['path']]).toEqual([
      422,
      'BINGO_EVENT_REFUSED',
      '$.event.id',
    ])
    expect(memory.records.size).toBe(0)
  })

  test('a media type that is no JSON', async () => {
    const { post } = setup()
    const refused = await post('a=1', { 'content-type': 'application/x-www-form-urlencoded' })
    expect([refused.status, refused.answer['code']]).toEqual([415, 'BINGO_HTTP_MEDIA_TYPE'])
  })

  test('a bulk of one more than is allowed', async () => {
    const { call, memory } = setup({ limits: { batch: 100_000, requestBytes: 10_000_000 } })
    const events = Array.from({ length: 100_001 }, () => ({ type: 'a' }))
    const refused = await call('POST', '/api/v1/events/bulk', { events })
    expect([refused.status, refused.answer['path']]).toEqual([422, '$.events'])
    expect(memory.records.size).toBe(0)
  })

  test('parameters that are wrong, unknown or given twice', async () => {
    const { call } = setup()
    const path = async (query: string) => {
      const { status, answer } = await call('GET', `/api/v1/events?${query}`)
      return [status, answer['path']]
    }
    expect(await path('limit=0')).toEqual([422, '$.limit'])
    expect(await path('limit=5000')).toEqual([422, '$.limit'])
    expect(await path('statuss=failed')).toEqual([422, '$.statuss'])
    expect(await path('since=yesterday')).toEqual([422, '$.since'])
    expect(await path('type=a&type=b')).toEqual([422, '$.type'])
    expect(await path('environment=other')).toEqual([422, '$.environment'])
  })
})

test('what comes too fast, or what the log cannot take, is told to come again', async () => {
  const { post, memory } = setup({ limits: { ratePerSecond: 1 } })
  expect((await post({ event: { type: 'a' } })).status).toBe(200)
  const fast = await post({ event: { type: 'a' } })
  expect([fast.status, fast.answer['code'], fast.headers.get('retry-after')]).toEqual([429, 'BINGO_EVENT_RATE', '1'])
  memory.refuseWith = new BingoError('BINGO_LOG_FULL', 'full', { retryable: true })
  const full = await setup({ provider: memory }).post({ event: { type: 'a' } })
  expect([full.status, full.answer['code'], full.headers.get('retry-after')]).toEqual([503, 'BINGO_LOG_FULL', '1'])
})

test('an instance that takes no events says so', async () => {
  const { post, events, call } = setup()
  events.current = null
  expect((await post({ event: { type: 'a' } })).answer['code']).toBe('BINGO_EVENTS_NOT_READY')
  expect((await call('GET', '/api/v1/events/x')).status).toBe(503)
})

describe('Tokens', () => {
  test.each([
    ['none', {}, 401],
    ['an unknown one', bearer('token-that-publishe'), 401],
    ['one of another scheme', { authorization: 'Basic token-that-publishes' }, 401],
    ['one without the scope', bearer('token-that-reads'), 403],
    ['one with the scope', bearer('token-that-publishes'), 200],
  ])('%s', async (_, headers, status) => {
    const { post } = setup({ tokens: TOKENS })
    const answer = await post({ event: { type: 'a' } }, headers)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
  })

  test('keep their environments apart; events of a test environment are tests', async () => {
    const { post, call } = setup({ tokens: TOKENS })
    const made = await post({ event: { type: 'a', id: 'x' } }, bearer('token-of-the-tests'))
    expect(made.answer).toMatchObject({ environment: 'test', isTest: true })
    expect((await call('GET', '/api/v1/events/x', undefined, bearer('token-that-reads'))).status).toBe(404)
    expect((await call('GET', '/api/v1/events/x', undefined, bearer('token-of-the-tests'))).status).toBe(200)
    const other = await call('GET', '/api/v1/events?environment=test', undefined, bearer('token-that-reads'))
    expect([other.status, other.answer['code']]).toEqual([403, 'BINGO_HTTP_ENVIRONMENT'])
  })
})

test('rules are listed, switched by who may, and invoked', async () => {
  const { call, memory } = setup({ tokens: TOKENS })
  const ops = bearer('token-that-operates')
  const list = await call('GET', '/api/v1/event-dispatchers', undefined, bearer('token-that-reads'))
  expect(list.answer['dispatchers']).toMatchObject([{ id: 'welcome', enabled: true }])
  const path = '/api/v1/event-dispatchers/welcome'
  expect((await call('POST', `${path}/disable`, undefined, bearer('token-that-reads'))).status).toBe(403)
  expect((await call('POST', `${path}/disable`, undefined, ops)).answer).toMatchObject({
    enabled: false,
    disabledBy: 'ops',
  })
  expect((await call('POST', `${path}/invoke`, {}, ops)).status).toBe(409)
  expect((await call('POST', `${path}/enable`, undefined, ops)).answer).toMatchObject({
    enabled: true,
    disabledAt: null,
  })
  const invoked = await call('POST', `${path}/invoke`, { payload: { id: 7 }, id: 'by-hand' }, ops)
  expect(invoked.answer).toMatchObject({ id: 'by-hand', payload: { id: 7 } })
  expect(memory.records.size).toBe(1)
  expect((await call('POST', '/api/v1/event-dispatchers/none/enable', undefined, ops)).status).toBe(404)
  expect((await call('POST', '/api/v1/event-dispatchers/cache/invoke', {}, ops)).status).toBe(409)
})

test('paths that do not exist are 404, with a code', async () => {
  const { call } = setup()
  expect((await call('GET', '/api/v1/nothing')).answer['code']).toBe('BINGO_HTTP_NOT_FOUND')
})

describe('Events that a retry of dead letters made', () => {
  const made = (fields: object = {}): object => ({
    event: {
      id: 'made-1',
      type: 'mail.requested',
      source: 'internal',
      key: null,
      payload: { n: 1 },
      context: {},
      metadata: {},
      userId: '7',
      sessionId: null,
      accountId: null,
      environment: 'default',
      correlationId: 'chain',
      causationId: 'u1',
      traceparent: null,
      hops: 2,
      timestamp: 1,
      deliverAt: null,
      isTest: false,
      ...fields,
    },
    sent: ['type', 'payload'],
  })

  test('are stored as their actions made them, once', async () => {
    const { call } = setup()
    for (let i = 0; i < 2; i++) {
      expect(await call('POST', '/api/v1/events/made', { events: [made()] })).toMatchObject({ status: 200 })
    }
    const { answer } = await call('GET', '/api/v1/events/made-1')
    expect(answer).toMatchObject({ source: 'internal', causationId: 'u1', hops: 2, userId: '7', payload: { n: 1 } })
  })

  test.each([
    ['of an unknown environment', made({ environment: 'nowhere' }), 422],
    ['that came from outside', made({ hops: 0 }), 422],
    ['without an id', made({ id: '' }), 422],
    ['with a field that events lack', made({ extra: 1 }), 422],
  ])('are refused %s', async (_what, event, status) => {
    const { call } = setup()
    expect(await call('POST', '/api/v1/events/made', { events: [event] })).toMatchObject({ status })
  })
})
