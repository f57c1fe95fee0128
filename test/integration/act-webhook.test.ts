import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { webhook } from '../../src/targets/webhook/action.ts'
import type { Sendable, SendResult, Target } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { freePort } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

interface Received {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}
type Answer = (request: Received, response: ServerResponse) => void

let server: Server
let origin: string
let answer: Answer
let received: Received[] = []
const open: Target[] = []
const { signal } = new AbortController()
const ok: Answer = (_, response) => response.writeHead(200).end('fine')

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const bytes = Buffer.concat(parts)
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
      const each = { path: request.url ?? '', headers: request.headers, body }
      received.push(each)
      answer(each, response)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(async () => {
  for (const target of open.splice(0)) await target.close()
  received = []
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

async function targetOf(plan: ActionPlan): Promise<Target> {
  const target = await webhook.open(plan.target, { log: silentLog, now: Date.now })
  open.push(target)
  return target
}

async function send(
  fields: { readonly [name: string]: unknown },
  ids: readonly number[] = [1],
  overrides: Partial<ActionPlan> = {},
): Promise<SendResult> {
  const { plan, problems } = compile(
    { type: 'webhook', url: `${origin}/hook`, body: { id: '{{id}}' }, ...fields },
    overrides,
  )
  expect(problems).toEqual([])
  const jobs: Sendable[] = ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq))
  return (await targetOf(plan)).send(jobs, signal)
}

const summary = (result: SendResult) => result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)

describe('a webhook target', () => {
  test('sends events as JSON with the id for the receiver to dedupe by', async () => {
    answer = ok
    expect(await send({ headers: { 'x-source': 'bingo' } })).toBeUndefined()
    expect(received).toHaveLength(1)
    expect(received[0]).toMatchObject({ path: '/hook', body: '{"id":1}' })
    expect(received[0]!.headers).toMatchObject({ 'content-type': 'application/json', 'x-source': 'bingo' })
    expect(received[0]!.headers['webhook-id']).toMatch(/:1\/0#rule#0$/)
  })

  test('signs so that the reference implementation verifies it, compressed or not', async () => {
    answer = ok
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const ids = Array.from({ length: 300 }, (_, i) => i)
    for (const gzip of [false, true]) {
      expect(await send({ batch: 'always', sign: { secrets: [secret] }, gzip }, ids)).toBeUndefined()
    }
    expect(received.map((each) => each.headers['content-encoding'])).toEqual([undefined, 'gzip'])
    for (const { body, headers } of received) {
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toHaveProperty('events')
    }
  })

  test('finds the poisonous event of a batch, and delivers the others in order', async () => {
    answer = ({ body }, response) => response.writeHead(body.includes('"id":3}') ? 422 : 200).end()
    const result = await send({ batch: 'auto' }, [1, 2, 3, 4, 5])
    expect(summary(result)).toEqual([null, null, 'poison BINGO_WEBHOOK_STATUS', null, null])
    const taken = received.filter(({ body }) => !body.includes('"id":3}')).map(({ body }) => body)
    expect(taken.join()).toMatch(/"id":1.*"id":2.*"id":4.*"id":5/)
  })

  test('does not let a later event of a row overtake one that failed', async () => {
    let calls = 0
    answer = (_, response) => response.writeHead(++calls === 1 ? 408 : 200).end()
    const result = await send({ batch: 'never' }, [1, 2, 1])
    expect(summary(result)).toEqual(['unknown BINGO_WEBHOOK_STATUS', null, 'unknown BINGO_BEHIND_FAILURE'])
    expect(received.map(({ body }) => body)).toEqual(['{"id":1}', '{"id":2}'])
  })

  test('stops at a server in trouble: nothing more is sent', async () => {
    answer = (_, response) => response.writeHead(503).end()
    const result = await send({ batch: 'never' }, [1, 2, 3])
    expect(summary(result)).toEqual(Array(3).fill('down BINGO_WEBHOOK_STATUS'))
    expect(received).toHaveLength(1)
  })

  test.each([
    ['7', 7_000],
    [new Date(Date.now() + 3_600_000).toUTCString(), 3_600_000],
  ])('honours Retry-After: %s', async (header, ms) => {
    answer = (_, response) => response.writeHead(429, { 'retry-after': header }).end()
    const result = await send({})
    expect(summary(result)).toEqual(['down BINGO_WEBHOOK_STATUS'])
    expect(Math.abs(result![0]!.retryAfterMs! - ms)).toBeLessThan(60_000)
  })

  test('does not follow a redirect', async () => {
    answer = (_, response) => response.writeHead(302, { location: `${origin}/elsewhere` }).end()
    expect(summary(await send({}))).toEqual(['unknown BINGO_WEBHOOK_STATUS'])
    expect(received).toHaveLength(1)
  })

  test('counts a 2xx whose body never ends', async () => {
    answer = (_, response) => {
      response.writeHead(200)
      const pour = setInterval(() => response.write('x'.repeat(10_000)), 1)
      response.on('close', () => clearInterval(pour))
    }
    expect(await send({})).toBeUndefined()
  })

  test('gives up at the deadline where the answer does not come', async () => {
    answer = (_, response) => response.socket?.setTimeout(0)
    const result = await send({}, [1], { timeoutMs: 200 })
    expect(summary(result)).toEqual(['down BINGO_WEBHOOK_TIMEOUT'])
    expect(result?.[0]?.timedOut).toBe(true)
  })

  test('waits where the connection is reset or refused', async () => {
    answer = (_, response) => response.socket?.resetAndDestroy()
    expect(summary(await send({}))).toEqual(['down BINGO_WEBHOOK_UNREACHABLE'])
    expect(summary(await send({ url: `http://127.0.0.1:${await freePort()}/` }))).toEqual([
      'down BINGO_WEBHOOK_UNREACHABLE',
    ])
  })
})
