import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { apiListener, createApi } from '../../../../src/ops/api/app.ts'
import { requestOf } from '../../../fuzz/subjects/api.ts'
import { API_LIMITS, apiDeps, TOKENS } from '../../../support/events-api.ts'
import { Random } from '../../../support/random-tables.ts'

type Headers = Readonly<Record<string, string>>

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const TOKEN = { authorization: 'Bearer token-that-publishes' }
const ADMIN = { authorization: 'Bearer token-that-operates' }
const JSON_TYPE = { 'content-type': 'application/json' }
const STRUCTURED = { 'content-type': 'application/cloudevents+json' }
const BATCH = { 'content-type': 'application/cloudevents-batch+json' }
const BINARY = { 'ce-specversion': '1.0', 'ce-id': 'b-1', 'ce-source': '/s', 'ce-type': 'a.b', 'ce-other': '%C3%BC' }
const [SINGLE, BULK, CLOUD] = ['/api/v1/events', '/api/v1/events/bulk', '/api/v1/cloudevents']
const CLOUD_EVENT =
  '{"specversion":"1.0","id":"c-1","source":"/s","type":"a.b","time":"2026-11-28T10:00:00Z","data":{"a":1}}'

/** The same API, asked through a socket and without one; each with events of its own. */
async function bothWays() {
  const [direct, routed] = [apiDeps({ tokens: TOKENS }), apiDeps({ tokens: TOKENS })]
  const answer = apiListener(direct.deps)
  const server = createServer((incoming, response) => void answer(incoming, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const app = createApi(routed.deps)
  return {
    port,
    provider: direct.provider,
    bySocket: (path: string, headers: Headers, body: string | Buffer) => throughSocket(port, path, headers, body),
    without: async (path: string, headers: Headers, body: string | Buffer): Promise<Answer> => {
      const isChunked = 'transfer-encoding' in headers
      const length = isChunked ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const { 'transfer-encoding': _chunked, ...others } = headers as Record<string, string>
      const response = await app.request(path, {
        method: 'POST',
        headers: { ...others, ...length },
        body: Buffer.from(body),
      })
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        text: await response.text(),
      }
    },
  }
}

function throughSocket(port: number, path: string, headers: Headers, body: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(body) }
    const options = { port, host: '127.0.0.1', method: 'POST', path, headers: { ...length, ...headers } }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers as Headers, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Times and ids that are made are others each time. */
function comparable(text: string): string {
  return text
    .replaceAll(/"(createdAt|updatedAt|timestamp|deliverAt)":"[^"]+"/g, '"$1":"…"')
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'uuid')
}

const CHUNKED = { 'transfer-encoding': 'chunked' }
const large = (bytes: number): string => `{"event":{"type":"a","payload":"${'x'.repeat(bytes)}"}}`

test.each<[string, string, Headers, string | Buffer, number]>([
  ['an event in pieces', SINGLE, { ...TOKEN, ...JSON_TYPE, ...CHUNKED }, '{"event":{"type":"a","id":"1"}}', 200],
  [
    'one for an environment',
    `${SINGLE}?environment=default`,
    { ...TOKEN, ...JSON_TYPE },
    '{"event":{"type":"a"}}',
    200,
  ],
  ['one for that of others', `${SINGLE}?environment=test`, { ...TOKEN, ...JSON_TYPE }, '{"event":{"type":"a"}}', 403],
  ['one with a query of nonsense', `${SINGLE}?environment=%zz&x=1`, { ...ADMIN, ...JSON_TYPE }, '{}', 422],
  [
    'an environment that is given twice',
    `${SINGLE}?environment=a&environment=b`,
    { ...TOKEN, ...JSON_TYPE },
    '{}',
    422,
  ],
  ['a compressed body', SINGLE, { ...TOKEN, ...JSON_TYPE, 'content-encoding': 'gzip' }, '{"event":{"type":"a"}}', 415],
  ['an identity', SINGLE, { ...TOKEN, ...JSON_TYPE, 'content-encoding': 'identity' }, '{"event":{"type":"a"}}', 200],
  ['too much in pieces', SINGLE, { ...TOKEN, ...JSON_TYPE, ...CHUNKED }, large(API_LIMITS.requestBytes), 413],
  ['too much', SINGLE, { ...TOKEN, ...JSON_TYPE }, large(API_LIMITS.requestBytes), 413],
  ['a byte order mark', SINGLE, { ...TOKEN, ...JSON_TYPE }, '\ufeff{"event":{"type":"a"}}', 200],
  [
    'a type in other letters',
    SINGLE,
    { ...TOKEN, 'content-type': 'Application/JSON ; charset=x' },
    '{"event":{"type":"a"}}',
    200,
  ],
  ['no media type', SINGLE, TOKEN, '{"event":{"type":"a"}}', 415],
  ['several events', BULK, { ...TOKEN, ...JSON_TYPE }, '{"events":[{"type":"a","id":"1"},{"type":"b","id":"ü"}]}', 200],
  ['none of several', BULK, { ...TOKEN, ...JSON_TYPE }, '{"events":[{"type":"a"},{"type":"*"}]}', 422],
  ['several without a list', BULK, { ...TOKEN, ...JSON_TYPE }, '{"event":{"type":"a"}}', 422],
  [
    'several with a token that reads',
    BULK,
    { ...JSON_TYPE, authorization: 'Bearer token-that-reads' },
    '{"events":[]}',
    403,
  ],
  ['several without a token', BULK, JSON_TYPE, '{"events":[]}', 401],
  ['a structured CloudEvent', CLOUD, { ...TOKEN, ...STRUCTURED }, CLOUD_EVENT, 200],
  ['a batch of CloudEvents', CLOUD, { ...TOKEN, ...BATCH }, `[${CLOUD_EVENT}]`, 200],
  ['a batch that is none', CLOUD, { ...TOKEN, ...BATCH }, CLOUD_EVENT, 422],
  ['a binary CloudEvent', CLOUD, { ...TOKEN, ...JSON_TYPE, ...BINARY }, '{"a":1}', 200],
  ['one of text', CLOUD, { ...TOKEN, 'content-type': 'text/plain', ...BINARY }, 'ü', 200],
  ['one of bytes', CLOUD, { ...TOKEN, 'content-type': 'image/png', ...BINARY }, Buffer.from([0, 255]), 200],
  ['one without data', CLOUD, { ...TOKEN, ...BINARY }, '', 200],
  ['one of no form', CLOUD, { ...TOKEN, ...JSON_TYPE }, '{}', 415],
  ['one whose header is not encoded', CLOUD, { ...TOKEN, ...BINARY, 'ce-id': '%zz' }, '', 422],
])('%s gets the same answer by a socket as without one', async (_what, path, headers, body, status) => {
  const { bySocket, without } = await bothWays()
  for (const _time of ['first', 'again']) {
    const [one, other] = [await bySocket(path, headers, body), await without(path, headers, body)]
    expect([one.status, other.status]).toEqual([status, status])
    expect(comparable(one.text)).toBe(comparable(other.text))
    expect(one.headers).toMatchObject(other.headers)
  }
})

test('whatever is posted gets the same answer by a socket as without one', async () => {
  const { bySocket, without } = await bothWays()
  const random = new Random(7)
  const statuses = new Set<number>()
  for (let i = 0; i < 600; i++) {
    const { method, headers, body } = requestOf(random)
    const given = Object.fromEntries(headers as unknown as Iterable<[string, string]>)
    // What does not go with the body is refused by the server, before anybody reads it.
    if (method !== 'POST' || 'content-length' in given) continue
    if (random.chance(20)) Object.assign(given, ADMIN, JSON_TYPE)
    const path = random.pick([SINGLE, BULK, CLOUD])
    const [one, other] = [await bySocket(path, given, body as string), await without(path, given, body as string)]
    expect({ path, given, body, status: one.status, text: comparable(one.text) }).toEqual({
      path,
      given,
      body,
      status: other.status,
      text: comparable(other.text),
    })
    statuses.add(one.status)
  }
  expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 401, 403, 415, 422]))
})

/** What a server says to bytes, until it ends the connection. */
function said(port: number, parts: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    onTestFinished(() => void socket.destroy())
    socket.on('data', (part: string) => (text += part))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
    for (const part of parts) socket.write(part)
  })
}

const HEAD = `POST ${SINGLE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`

test('a client that is refused before it has sent its body is answered, and its connection ends', async () => {
  const { port, provider } = await bothWays()
  const endless = `${HEAD}Authorization: ${TOKEN.authorization}\r\nContent-Length: 99999999\r\n\r\n{"event":`
  const nobody = `${HEAD}Content-Length: 1000\r\n\r\n{"event":`
  const [tooMuch, unknown] = await Promise.all([said(port, [endless]), said(port, [nobody])])
  expect(tooMuch).toMatch(/^HTTP\/1\.1 413 .*BINGO_EVENT_TOO_LARGE/s)
  expect(unknown).toMatch(/^HTTP\/1\.1 401 .*BINGO_HTTP_TOKEN/s)
  expect((await provider.list({ limit: 10 })).events).toEqual([])
})

test('a client that was refused may go on with its connection once its body is there', async () => {
  const { port } = await bothWays()
  const refused = `${HEAD}Content-Length: 2\r\n\r\n{}`
  const event = '{"event":{"type":"a"}}'
  const taken = `${HEAD}Authorization: ${TOKEN.authorization}\r\nConnection: close\r\nContent-Length: ${event.length}\r\n\r\n${event}`
  expect((await said(port, [refused, taken])).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401', 'HTTP/1.1 200'])
})

test('a client that asks first is told to go on', async () => {
  const { port } = await bothWays()
  const event = '{"event":{"type":"a"}}'
  const head = `${HEAD}Authorization: ${TOKEN.authorization}\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${event.length}\r\n\r\n`
  expect((await said(port, [head, event])).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 200'])
})
