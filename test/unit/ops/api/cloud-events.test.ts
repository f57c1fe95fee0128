import { expect, test } from 'vitest'
import { createApi } from '../../../../src/ops/api/app.ts'
import { apiDeps } from '../../../support/events-api.ts'

const EVENT = {
  specversion: '1.0',
  id: 'uuid:42/0',
  source: '/bingo/1/shop',
  type: 'com.example.order.created',
  subject: 'order-17',
  time: '2026-11-28T10:00:00Z',
  datacontenttype: 'application/json',
  correlationid: 'c-1',
  causationid: 'p-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  other: 'kept',
  data: { total: 5 },
}
const AS_EVENT = {
  id: 'uuid:42/0',
  source: '/bingo/1/shop',
  type: 'com.example.order.created',
  key: 'order-17',
  timestamp: '2026-11-28T10:00:00.000Z',
  correlationId: 'c-1',
  causationId: 'p-1',
  metadata: { other: 'kept', subject: 'order-17', datacontenttype: 'application/json' },
}

function setup() {
  const { deps } = apiDeps()
  const app = createApi(deps)
  const send = async (body: string | Uint8Array, headers: Record<string, string>) => {
    const response = await app.request('/api/v1/cloudevents', { method: 'POST', headers, body: body as string })
    return { status: response.status, answer: (await response.json()) as { [field: string]: unknown } }
  }
  return { send, app }
}

test('a structured CloudEvent becomes an event, with its attributes', async () => {
  const { send, app } = setup()
  const { status, answer } = await send(JSON.stringify(EVENT), {
    'content-type': 'application/cloudevents+json; charset=utf-8',
  })
  expect(status).toBe(200)
  expect(answer).toMatchObject(AS_EVENT)
  const found = await app.request(`/api/v1/events/${encodeURIComponent('uuid:42/0')}`)
  expect(await found.json()).toMatchObject(AS_EVENT)
})

test('a batch is stored together or not at all', async () => {
  const { send, app } = setup()
  const type = { 'content-type': 'application/cloudevents-batch+json' }
  const refused = await send(JSON.stringify([EVENT, { ...EVENT, id: '' }]), type)
  expect([refused.status, refused.answer['path']]).toEqual([422, '$[1].id'])
  expect(await (await app.request('/api/v1/events')).json()).toMatchObject({ events: [] })
  expect((await send(JSON.stringify([EVENT, { ...EVENT, id: 'two' }]), type)).answer).toMatchObject([
    AS_EVENT,
    { id: 'two' },
  ])
})

test('a binary CloudEvent has its attributes in headers, %-encoded, and its data in the body', async () => {
  const { send } = setup()
  const headers = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': 'b-1',
    'ce-source': '/f%C3%BCr',
    'ce-type': 'a.b',
    'ce-partitionkey': 'k',
    'ce-subject': 's',
  }
  const { answer } = await send('{"a":1}', headers)
  expect(answer).toMatchObject({ id: 'b-1', source: '/für', type: 'a.b', key: 'k', payload: { a: 1 } })
  const text = await send('hello', { ...headers, 'ce-id': 'b-2', 'content-type': 'text/plain' })
  expect(text.answer).toMatchObject({ payload: 'hello', metadata: { datacontenttype: 'text/plain' } })
  const bytes = await send(new Uint8Array([0xff, 1]), { ...headers, 'ce-id': 'b-3', 'content-type': 'image/png' })
  expect(bytes.answer).toMatchObject({ payload: '/wE=' })
  const none = await send('', { ...headers, 'ce-id': 'b-4' })
  expect(none.answer).toMatchObject({ payload: null })
})

test.each([
  ['another version', { specversion: '0.3' }, '$.specversion'],
  ['no id', { id: undefined }, '$.id'],
  ['a wrong time', { time: 'today' }, '$.time'],
  ['a type that is no type', { type: 'a b' }, '$.type'],
])('a CloudEvent with %s is refused', async (_, change, path) => {
  const { send } = setup()
  const body = JSON.stringify({ ...EVENT, ...change })
  const { status, answer } = await send(body, { 'content-type': 'application/cloudevents+json' })
  expect([status, answer['path']]).toEqual([422, path])
})

test('another CloudEvent with a known id is refused: it must not vanish behind the first one', async () => {
  const { send } = setup()
  const type = { 'content-type': 'application/cloudevents+json' }
  await send(JSON.stringify(EVENT), type)
  expect((await send(JSON.stringify(EVENT), type)).status).toBe(200)
  expect((await send(JSON.stringify({ ...EVENT, source: '/other' }), type)).status).toBe(409)
})

test('a body of another media type without ce- headers is refused', async () => {
  expect((await setup().send('{}', { 'content-type': 'application/json' })).status).toBe(415)
})
