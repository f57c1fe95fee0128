import { describe, expect, test } from 'vitest'
import { Webhook } from 'standardwebhooks'
import { ByteArena } from '../../../src/model/event/bytes/byte-arena.ts'
import { addressPolicy } from '../../../src/targets/webhook/addresses.ts'
import { bodyOf as encodedBody, planRequests as plan, Unanswered } from '../../../src/targets/webhook/requests.ts'
import type { WebhookPayload } from '../../../src/targets/webhook/options.ts'
import { retryAfterMs } from '../../../src/targets/webhook/retry-after.ts'
import { decodeSecret, signatureHeaders, webhookId } from '../../../src/targets/webhook/signature.ts'
import { action } from '../../support/jobs.ts'
import { compile, jobFor } from './action-spec.ts'

const planRequests = (jobs: Parameters<typeof plan>[0]) => plan(jobs, new Unanswered())
const bodyOf = (...of: Parameters<typeof encodedBody>): string => String(encodedBody(...of))
const URL_FIELD = { type: 'webhook', url: 'https://crm.example.com/users/{{id}}' }
const FIXED = { type: 'webhook', url: 'https://crm.example.com/users', body: { id: '{{id}}' } }

describe('a webhook action', () => {
  test.each([
    [{ url: 'ftp://x/' }, 'BINGO_RULE_WEBHOOK_URL'],
    [{ url: 'https://{{host}}/x' }, 'BINGO_RULE_WEBHOOK_DYNAMIC_HOST'],
    [{ url: 'https://example.com:{{port}}/x' }, 'BINGO_RULE_WEBHOOK_DYNAMIC_HOST'],
    [{ url: 'https://example.com{{rest}}' }, 'BINGO_RULE_WEBHOOK_DYNAMIC_HOST'],
    [{ url: '{{url}}' }, 'BINGO_RULE_WEBHOOK_DYNAMIC_HOST'],
    [{ url: 'https://user:pass@example.com/' }, 'BINGO_RULE_WEBHOOK_URL'],
    [{ url: 'https://x/', headers: { Host: 'y' } }, 'BINGO_RULE_WEBHOOK_HEADER'],
    [{ url: 'https://x/', headers: { 'Webhook-Id': 'y' } }, 'BINGO_RULE_WEBHOOK_HEADER'],
    [{ url: 'https://x/', headers: { Authorization: '{{token}}' } }, 'BINGO_RULE_WEBHOOK_HEADER'],
    [{ url: 'https://x/', headers: { 'a b': 'y' } }, 'BINGO_RULE_WEBHOOK_HEADER'],
    [{ url: 'https://x/', sign: { secrets: ['not base64!'] } }, 'BINGO_RULE_WEBHOOK_SECRET'],
    [{ url: 'https://x/', allowCidrs: ['10.0.0.0/40'] }, 'BINGO_RULE_WEBHOOK_CIDR'],
    [{ url: 'https://x/', concurrency: 0 }, 'BINGO_RULE_WEBHOOK_CONCURRENCY'],
    [{ url: 'https://x/', tls: { cert: 'c' } }, 'BINGO_RULE_TLS'],
    [{ url: 'https://x/', body: { a: 1 }, format: 'event' }, 'BINGO_RULE_FORMAT_AND_BODY'],
  ])('refuses %j', (fields, code) => {
    expect(compile({ type: 'webhook', ...fields }).problems.map((problem) => problem.code)).toEqual([code])
  })

  test('accepts templates in the path, a fixed Authorization, and a dynamic host if it is enabled', () => {
    expect(compile({ ...URL_FIELD, headers: { Authorization: 'Bearer x' } }).problems).toEqual([])
    expect(compile({ type: 'webhook', url: 'https://{{host}}/', dynamicHost: true }).problems).toEqual([])
  })

  test('refuses a header value that would break the request', () => {
    const { plan } = compile({ ...FIXED, headers: { 'x-name': '{{name}}' } })
    expect(() => jobFor(plan, { id: 1, name: 'a\r\nHost: evil' })).toThrow('character')
  })

  test('sends the whole event, or its CloudEvent, if there is no body', () => {
    const event = JSON.parse(
      bodyOf([jobFor(compile(URL_FIELD).plan)], planRequests([jobFor(compile(URL_FIELD).plan)])[0]!),
    )
    expect(event).toMatchObject({ op: 'update', table: 'users', key: { id: 1 } })
    const cloud = [jobFor(compile({ ...URL_FIELD, format: 'cloudevents' }).plan)]
    expect(JSON.parse(bodyOf(cloud, planRequests(cloud)[0]!))).toMatchObject({
      specversion: '1.0',
      data: { op: 'update' },
    })
  })
})

describe('requests of a batch', () => {
  const jobs = (fields: object, hasDebounce = false, count = 3) => {
    const compiled = compile({ ...FIXED, ...fields }, {}, hasDebounce)
    return Array.from({ length: count }, (_, id) => jobFor(compiled.plan, { id, status: 1 }, id))
  }
  const bodies = (list: ReturnType<typeof jobs>): string[] => planRequests(list).map((request) => bodyOf(list, request))

  test('without a window, every event goes bare, however many have queued up', () => {
    expect(bodies(jobs({}, false, 1))).toEqual(['{"id":0}'])
    expect(bodies(jobs({}))).toEqual(['{"id":0}', '{"id":1}', '{"id":2}'])
  })

  test('with a window, all go in an array, however few there are', () => {
    expect(bodies(jobs({}, true, 1))).toEqual(['{"events":[{"id":0}]}'])
    expect(bodies(jobs({}, true))).toEqual(['{"events":[{"id":0},{"id":1},{"id":2}]}'])
  })

  test('bodies written as bytes are those of texts, alone, among texts and signed', () => {
    const texts = ['{"id":0}', '{"name":"größe 😀"}', '[]', '""']
    const arena = new ByteArena(8, 64)
    const asBytes = (text: string) => {
      const at = arena.reserve(arena.at, 100)
      return arena.take(at + arena.buffer.write(text, at))
    }
    const withPayloads = (hasDebounce: boolean, isBytes: (i: number) => boolean) =>
      jobs({}, hasDebounce, texts.length).map((job, i) => {
        const json = isBytes(i) ? asBytes(texts[i]!) : texts[i]!
        return { ...job, payload: { ...(job.payload as WebhookPayload), json } }
      })
    expect(bodies(withPayloads(false, () => true))).toEqual(texts)
    expect(bodies(withPayloads(true, (i) => i % 2 === 1))).toEqual([`{"events":[${texts.join(',')}]}`])
    const secrets = [Buffer.alloc(24, 1)]
    const [, name] = withPayloads(false, () => true)
    const body = encodedBody([name!], planRequests([name!])[0]!)
    expect(body).toBeInstanceOf(Buffer)
    expect(signatureHeaders('id', body, secrets, 1_000)).toEqual(signatureHeaders('id', texts[1]!, secrets, 1_000))
  })

  test('with `batch: auto`, one event goes bare and several in an array', () => {
    expect(bodies(jobs({ batch: 'auto' }, false, 1))).toEqual(['{"id":0}'])
    expect(bodies(jobs({ batch: 'auto' }))).toEqual(['{"events":[{"id":0},{"id":1},{"id":2}]}'])
  })

  test('with a window, or `batch: always`, one event is in an array too', () => {
    expect(bodies(jobs({}, true, 1))).toEqual(['{"events":[{"id":0}]}'])
    expect(bodies(jobs({ batch: 'always' }, false, 1))).toEqual(['{"events":[{"id":0}]}'])
  })

  test('`batch: never` sends one request each, in order', () => {
    expect(bodies(jobs({ batch: 'never' }, true))).toEqual(['{"id":0}', '{"id":1}', '{"id":2}'])
  })

  test('events for other addresses go in requests of their own', () => {
    const list = jobs({ url: 'https://crm.example.com/users/{{id}}' })
    expect(planRequests(list).map((request) => request.url.href)).toEqual(
      [0, 1, 2].map((id) => `https://crm.example.com/users/${id}`),
    )
  })

  test('a batch stays under a megabyte', () => {
    const compiled = compile({ ...FIXED, batch: 'always', body: { name: '{{name}}' } })
    const sizes = (name: string) => {
      const big = Array.from({ length: 4 }, (_, id) => jobFor(compiled.plan, { id, name }, id))
      return planRequests(big).map(({ from, to }) => to - from)
    }
    expect(sizes('x'.repeat(400_000))).toEqual([2, 2])
    expect(sizes('語'.repeat(200_000))).toEqual([1, 1, 1, 1])
  })
})

describe('signatures', () => {
  const secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD']

  test('are accepted by the reference implementation, with either secret', () => {
    const body = '{"name":"Zoë 😀"}'
    const list = signatureHeaders(
      'evt:1/0',
      body,
      secrets.map((secret) => decodeSecret(secret)!),
      Date.now(),
    )
    const headers = Object.fromEntries(list.flatMap((text, i) => (i % 2 === 0 ? [[text, list[i + 1]!]] : [])))
    for (const secret of secrets) expect(new Webhook(secret).verify(body, headers)).toEqual({ name: 'Zoë 😀' })
    expect(() => new Webhook(secrets[0]!).verify(`${body} `, headers)).toThrow('No matching signature')
  })

  const crm = action({}, { id: 'crm' })

  test('carry an id of event, rule and action, and for a batch one that only the same events share', () => {
    expect(webhookId(crm, ['a:1/0'])).toBe('a:1/0#crm#0')
    expect(webhookId(crm, ['a/0'])).not.toBe(webhookId(action({ index: 1 }, { id: 'crm' }), ['a/0']))
    expect(webhookId(crm, ['a/0', 'a/1'])).toBe(webhookId(crm, ['a/0', 'a/1']))
    expect(webhookId(crm, ['a/0', 'a/1'])).not.toBe(webhookId(crm, ['a/0', 'a/2']))
    expect(webhookId(crm, ['a/0', 'a/1'])).not.toBe(webhookId(action({}, { id: 'mail' }), ['a/0', 'a/1']))
  })

  test('carry an id that any header can hold, and that keeps escaped ids distinct', () => {
    const ids = ['r.1', 'r%2E1', 'r 1', 'Zoë', 'a\r\nb', '\ud800', 'x'.repeat(500), 'x'.repeat(501)].map((rule) =>
      webhookId(action({}, { id: rule }), ['1:binlog.000003:4/0']),
    )
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_:/#%-]{1,200}$/)
  })

  test('need a secret of the specified form', () => {
    expect(decodeSecret('whsec_dG9vIHNob3J0')).toBeNull()
    expect(decodeSecret('plain words')).toBeNull()
  })
})

describe('the address policy', () => {
  test.each(['169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fd00:ec2::254', '::ffff:169.254.169.254', 'no address'])(
    'never lets %s through unless it is listed',
    (address) => {
      expect(addressPolicy(false, [])(address)).toBe(false)
      expect(addressPolicy(true, [])(address)).toBe(false)
    },
  )

  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '192.168.0.1',
    '172.20.0.1',
    '::1',
    '::ffff:127.0.0.1',
    'fd12::1',
    '0.0.0.0',
    '100.64.0.1',
    '64:ff9b::7f00:1',
  ])('lets %s through for a host in the rule, not for one from data', (address) => {
    expect(addressPolicy(false, [])(address)).toBe(true)
    expect(addressPolicy(true, [])(address)).toBe(false)
    expect(addressPolicy(true, [`${address}/${address.includes(':') ? 128 : 32}`])(address)).toBe(true)
  })

  test('allows public addresses', () => {
    expect(addressPolicy(true, [])('93.184.216.34')).toBe(true)
    expect(addressPolicy(true, [])('2606:2800:220:1::1')).toBe(true)
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-11-20T10:00:00Z')
  test.each([
    ['120', 120_000],
    ['Fri, 20 Nov 2026 10:00:30 GMT', 30_000],
    ['Fri, 20 Nov 2026 09:00:00 GMT', 0],
    ['999999999', 86_400_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms)
  })
})
