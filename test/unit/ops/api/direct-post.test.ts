import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { silentLog } from '../../../../src/model/silent-log.ts'
import { apiListener, createApi } from '../../../../src/ops/api/app.ts'
import { apiDeps, TOKENS } from '../../../support/events-api.ts'

type Headers = Readonly<Record<string, string>>

const JSON_TYPE = { 'content-type': 'application/json' }
const TOKEN = { authorization: 'Bearer token-that-publishes' }

async function listening(): Promise<{ port: number; errors: object[] } & ReturnType<typeof apiDeps>> {
  const parts = apiDeps({ tokens: TOKENS })
  const errors: object[] = []
  const log = { ...silentLog, error: (fields: object) => void errors.push(fields) }
  const answer = apiListener({ ...parts.deps, log })
  const server = createServer((incoming, response) => void answer(incoming, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, errors, ...parts }
}

function posted(
  port: number,
  headers: Headers,
  body: string | Buffer,
): Promise<{ status: number; headers: object; text: string }> {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': Buffer.byteLength(body) }
    const options = {
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/api/v1/events',
      headers: { ...length, ...headers },
    }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const EVENT = '{"event":{"type":"orders.order.create","id":"one","timestamp":0}}'

test.each<[string, Headers, string | Buffer]>([
  ['an event without a token', JSON_TYPE, EVENT],
  ['one with an unknown token', { ...JSON_TYPE, authorization: 'Bearer nobody' }, EVENT],
  ['one with a token that may not post', { ...JSON_TYPE, authorization: 'Bearer token-that-reads' }, EVENT],
  ['one of another media type', { ...TOKEN, 'content-type': 'text/plain' }, EVENT],
  ['a body that is not JSON', { ...TOKEN, ...JSON_TYPE }, '{"event":'],
  ['an empty body', { ...TOKEN, ...JSON_TYPE }, ''],
  ['a body that is not UTF-8', { ...TOKEN, ...JSON_TYPE }, Buffer.from([0x22, 0xff, 0x22])],
  ['a key that stands twice', { ...TOKEN, ...JSON_TYPE }, '{"event":{"type":"a","type":"b"}}'],
  ['an unknown option', { ...TOKEN, ...JSON_TYPE }, '{"event":{"type":"a"},"options":{"later":1}}'],
  ['an event that is too large', { ...TOKEN, ...JSON_TYPE }, `{"event":{"type":"a","payload":"${'x'.repeat(5_000)}"}}`],
  ['a body that is too large', { ...TOKEN, ...JSON_TYPE }, `{"event":{"type":"a","payload":"${'x'.repeat(30_000)}"}}`],
])('%s gets the same answer by a socket as without one', async (_what, headers, body) => {
  const { port, provider } = await listening()
  const bySocket = await posted(port, headers, body)
  const without = await createApi(apiDeps({ tokens: TOKENS }).deps).request('/api/v1/events', {
    method: 'POST',
    headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
    body: Buffer.from(body),
  })
  expect({ status: bySocket.status, text: bySocket.text }).toEqual({
    status: without.status,
    text: await without.text(),
  })
  expect(bySocket.headers).toMatchObject(Object.fromEntries(without.headers))
  expect((await provider.list({ limit: 10 })).events).toEqual([])
})

/** When it was stored is another time each time. */
function withoutTimes(text: string): string {
  return text.replaceAll(/"(createdAt|updatedAt)":"[^"]+"/g, '"$1":"…"')
}

test.each<[string, string]>([
  ['an event', EVENT],
  [
    'one with all fields',
    '{"event":{"name":"a.b","id":"two","key":"k","timestamp":1,"context":{"a":1},"isTest":true}}',
  ],
  [
    'one with letters beyond ASCII',
    '{"event":{"type":"bestellung.geöffnet","id":"drei","timestamp":0,"payload":"漢字 🙂"}}',
  ],
  ['one with escapes', '{"event":{"type":"a","id":"four","timestamp":0,"payload":"\\u00e9\\n\\u0000"}}'],
  ['one with a number beyond 2^53', '{"event":{"type":"a","id":"five","timestamp":0,"payload":9007199254740993}}'],
  ['one for later', '{"event":{"type":"a","id":"six","timestamp":0},"options":{"deliverAt":"2999-01-01T00:00:00Z"}}'],
])('%s is answered the same record by a socket as without one, twice', async (_what, body) => {
  const { port } = await listening()
  const api = createApi(apiDeps({ tokens: TOKENS }).deps)
  const headers = { ...TOKEN, ...JSON_TYPE }
  for (const isKnown of [false, true]) {
    const bySocket = await posted(port, headers, body)
    const without = await api.request('/api/v1/events', { method: 'POST', headers: { ...headers }, body })
    expect([bySocket.status, without.status]).toEqual([200, 200])
    expect(withoutTimes(bySocket.text)).toBe(withoutTimes(await without.text()))
    expect(bySocket.text.includes('"duplicate":true')).toBe(isKnown)
    expect(bySocket.headers).toMatchObject({
      ...Object.fromEntries(without.headers),
      'content-length': String(Buffer.byteLength(bySocket.text)),
    })
  }
})

test('a body that comes in pieces is one body, and so are the next ones on its connection', async () => {
  const { port, provider } = await listening()
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('utf8')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (part: string) => (text += part))
  const headers = `Host: localhost\r\nAuthorization: ${TOKEN.authorization}\r\nContent-Type: application/json`
  const bodies = ['one', 'two', 'three'].map((id) => `{"event":{"type":"a","id":"${id}","payload":"ü"}}`)
  const requests = bodies
    .map(
      (body) =>
        `POST /api/v1/events HTTP/1.1\r\n${headers}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    .join('')
  const bytes = Buffer.from(requests)
  for (let at = 0; at < bytes.length; at += 7) {
    socket.write(bytes.subarray(at, at + 7))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await expect.poll(() => text.split('HTTP/1.1 200 ').length - 1, { timeout: 30_000 }).toBe(3)
  const { events } = await provider.list({ limit: 10 })
  expect(events.map(({ id, payload }) => [id, payload])).toEqual(['three', 'two', 'one'].map((id) => [id, 'ü']))
})

test('an event with an idempotency key is stored once, and its second post says so', async () => {
  const { port, provider } = await listening()
  const headers = { ...TOKEN, ...JSON_TYPE, 'idempotency-key': 'order-1' }
  const first = await posted(port, headers, '{"event":{"type":"a"}}')
  const second = await posted(port, headers, '{"event":{"type":"a"}}')
  expect([first.status, second.status]).toEqual([200, 200])
  expect(JSON.parse(first.text)).toMatchObject({ id: 'order-1', type: 'a', environment: 'default' })
  expect(JSON.parse(second.text)).toMatchObject({ id: 'order-1', duplicate: true })
  expect((await provider.list({ limit: 10 })).events).toHaveLength(1)
})

test.each(['end', 'destroy'] as const)(
  'a client that leaves in the middle of its body (%s) leaves nothing behind, and is no error of ours',
  async (leave) => {
    const { port, provider, errors } = await listening()
    const head = `POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${TOKEN.authorization}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"event"`
    await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(head, () => setTimeout(() => socket[leave](), 50)))
      socket.on('close', resolve).resume()
    })
    expect((await posted(port, { ...TOKEN, ...JSON_TYPE }, EVENT)).status).toBe(200)
    expect((await provider.list({ limit: 10 })).events).toHaveLength(1)
    expect(errors).toEqual([])
  },
)
