import { createApi } from '../../../src/ops/api/app.ts'
import type { Random } from '../../support/random-tables.ts'
import { apiDeps, TOKENS } from '../../support/events-api.ts'
import { mutateText } from '../mutate-text.ts'
import type { FuzzSubject } from '../subject.ts'

const BODIES = [
  '{"event":{"name":"a.b","id":"one","payload":{"n":1,"list":[1,2.5,null,true]},"context":{},"key":"k"},"options":{"deliverAfter":5}}',
  '{"events":[{"type":"a.b","id":"x"},{"type":"c","timestamp":"2026-11-28T10:00:00Z"}],"options":{"onConflict":"error"}}',
  '{"mode":"ifNoEffect"}',
  '{"payload":{"id":7},"context":{},"key":"k","id":"i"}',
  '{"specversion":"1.0","id":"1","source":"/s","type":"a","data":{"a":1},"time":"2026-11-28T10:00:00Z"}',
  '[{"specversion":"1.0","id":"1","source":"/s","type":"a","data_base64":"AA=="}]',
]
const VALUES = [
  'null',
  '""',
  '[]',
  '{}',
  '1e999',
  '-0',
  '9'.repeat(2_000),
  '"__proto__"',
  '{"__proto__":1}',
  '"\\ud800"',
  '"\\u0000"',
  '['.repeat(200),
  '"2026-99-99T00:00:00Z"',
  '"*"',
  '"x"'.repeat(100),
]
const PATHS = [
  '/api/v1/events',
  '/api/v1/events/bulk',
  '/api/v1/events/one',
  '/api/v2/events/one',
  '/api/v1/events/one/cancel',
  '/api/v1/events/one/replay',
  '/api/v1/event-dispatchers',
  '/api/v1/event-dispatchers/welcome',
  '/api/v1/event-dispatchers/welcome/invoke',
  '/api/v1/event-dispatchers/welcome/disable',
  '/api/v1/cloudevents',
  '/api/v1/events/stream',
  '/openapi.json',
]
const PIECES = [
  '%00',
  '%2e%2e',
  '%zz',
  '%2F',
  '%ff',
  '//',
  '?',
  '&',
  '=',
  '#',
  '__proto__',
  'constructor',
  'ü',
  '\u{1f600}',
]
const QUERIES = [
  'limit=5',
  'limit=-1',
  'cursor=zz',
  'status=x',
  'since=1',
  'type=**',
  'environment=test',
  'isTest=maybe',
  'on=a',
  'all=true',
]
const TYPES = [
  'application/json',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'text/plain',
  'application/json; charset=utf-16',
  '',
]

/** Of event types, as `on`, `type` and the stream take them. */
const PATTERNS = ['*', '**', 'a.*.c', 'users.user.create', 'a.**', '*.b', '', '.', 'a..b', '**.a', 'a*']
const PATTERN_PIECES = ['*', '**', '.', '..', '%', ' ', '\u0000', '\u{1f600}', 'a'.repeat(300), ',']
/** What clients and proxies send, and what nobody should. */
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  authorization: ['Bearer', 'Bearer  x', 'Basic eDp5', 'bearer token-that-reads', `Bearer ${'x'.repeat(9_000)}`],
  'idempotency-key': ['k', 'x'.repeat(5_000), 'a b', '%00', '"'],
  'last-event-id': ['1', '-1', '1.5', 'one', '9'.repeat(40), '%ff'],
  accept: ['text/event-stream', 'application/json', '*/*;q=x'],
  'content-length': ['0', '5', '99999999', '-1', 'x'],
  'content-encoding': ['gzip', 'identity', 'br, gzip'],
  traceparent: ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00', 'zz-'.repeat(50)],
  origin: ['null', 'http://evil.example'],
  'x-forwarded-for': ['127.0.0.1', "'"],
}

/** Requests to the API: whatever comes, the answer is one that was foreseen. */
export const api: FuzzSubject = {
  name: 'api',
  async attempt(random) {
    const app = createApi(apiDeps(random.chance(50) ? { tokens: TOKENS } : {}).deps)
    for (let i = 0; i < 5; i++) {
      const path = pathOf(random)
      let request: Request
      try {
        request = new Request(`http://localhost${path}`, requestOf(random))
      } catch {
        // No client can send it.
        continue
      }
      const { status, body } = await app.fetch(request)
      // A stream goes on until nobody listens.
      await body?.cancel()
      if (status >= 500 && status !== 503) throw new Error(`${request.method} ${path} answered ${status}`)
    }
  },
}

function pathOf(random: Random): string {
  const path = random.chance(30) ? mutateText(random.pick(PATHS), random, PIECES) : random.pick(PATHS)
  const query = [0, 1, 2].filter(() => random.chance(40)).map(() => queryOf(random))
  return query.length === 0 ? path : `${path}?${query.join('&')}`
}

function queryOf(random: Random): string {
  if (random.chance(60)) return random.pick(QUERIES)
  const pattern = mutateText(random.pick(PATTERNS), random, PATTERN_PIECES)
  return `${random.pick(['on', 'type'])}=${random.chance(50) ? encodeURIComponent(pattern.toWellFormed()) : pattern}`
}

/** Of any path. */
export function requestOf(random: Random): RequestInit {
  const headers = new Headers()
  if (random.chance(85)) headers.set('content-type', random.pick(TYPES))
  if (random.chance(70)) headers.set('authorization', `Bearer ${random.pick(TOKENS).token}`)
  for (const [name, values] of Object.entries(HEADERS)) {
    if (random.chance(8)) headers.set(name, random.pick(values))
  }
  if (random.chance(30))
    for (const name of ['specversion', 'id', 'source', 'type'])
      headers.set(`ce-${name}`, random.pick(['1.0', 'a', '%zz', '%ff']))
  if (random.chance(25)) return { method: random.pick(['GET', 'HEAD', 'DELETE']), headers }
  const body = random.pick(BODIES)
  return { method: 'POST', headers, body: random.chance(10) ? body : mutateText(body, random, VALUES) }
}
