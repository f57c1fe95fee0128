import { Connection } from 'rabbitmq-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../../src/targets/rabbitmq/action.ts'
import type { Sendable, SendResult, Target } from '../../src/model/rule/action.ts'
import type { ActionPlan } from '../../src/model/rule/rule.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { silentLog } from '../support/jobs.ts'
import { summary } from '../support/redelivery.ts'
import { startRabbitmq } from '../support/servers/rabbitmq.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startRabbitmq>>
let connection: Connection
let target: Target
let authority: CertificateAuthority

function jobs(overrides: object, ...ids: number[]): Sendable[] {
  const fields = {
    type: 'rabbitmq',
    url: server.url,
    exchange: 'shop',
    routingKey: 'users.update',
    body: { id: '{{id}}' },
  }
  const { plan, problems } = compile({ ...fields, ...overrides }, { timeoutMs: 10_000 })
  expect(problems).toEqual([])
  return ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq))
}

async function take(count: number): Promise<{ id: number; messageId: unknown; durable: unknown; headers: unknown }[]> {
  const taken = []
  while (taken.length < count) {
    const message = await connection.basicGet({ queue: 'users', noAck: true })
    if (message === undefined) break
    const { id } = message.body as { id: number }
    taken.push({ id, messageId: message.messageId, durable: message.durable, headers: message.headers })
  }
  return taken
}

function withAction({ id, key, at, payload }: Sendable, action: ActionPlan): Sendable {
  return { id, key, at, payload, action }
}

/** One message through a target of its own. */
async function sendWith(overrides: object, plan: Partial<ActionPlan> = {}): Promise<SendResult> {
  const [first] = jobs(overrides, 1)
  const job = withAction(first!, { ...first!.action, ...plan })
  const other = await rabbitmq.open(job.action.target, { log: silentLog, now: Date.now })
  try {
    return await other.send([job], signal)
  } finally {
    await other.close()
  }
}

beforeAll(async () => {
  authority = await CertificateAuthority.create()
  const files = { caFile: authority.caFile, ...(await authority.issue()) }
  server = await startRabbitmq({ config: ['max_message_size = 5000'], tls: files })
  connection = new Connection(server.url)
  connection.on('error', () => undefined)
  await connection.exchangeDeclare({ exchange: 'shop', type: 'topic', durable: true })
  await connection.queueDeclare({ queue: 'users', durable: true })
  await connection.queueBind({ exchange: 'shop', queue: 'users', routingKey: 'users.*' })
  const [job] = jobs({}, 1)
  target = await rabbitmq.open(job!.action.target, { log: silentLog, now: Date.now })
})
afterAll(async () => {
  await target.close()
  connection.unsafeDestroy()
  await server.stop()
  await authority[Symbol.asyncDispose]()
})

describe('a RabbitMQ target', () => {
  test('publishes persistent messages in order, with the id for the receiver to dedupe by', async () => {
    const batch = jobs({ headers: { source: 'bingo' } }, ...Array.from({ length: 200 }, (_, i) => i))
    expect(await target.send(batch, signal)).toBeUndefined()
    const taken = await take(200)
    expect(taken.map(({ id }) => id)).toEqual(batch.map((_, i) => i))
    expect(taken[7]).toMatchObject({
      messageId: `${batch[7]!.id}#rule#0`,
      durable: true,
      headers: { source: 'bingo' },
    })
  })

  test('a message without a queue fails, the others of its batch arrive', async () => {
    const lost = jobs({ routingKey: 'orders.update' }, 2)
    const result = await target.send([...jobs({}, 1), ...lost, ...jobs({}, 3)], signal)
    expect(summary(result)).toEqual([null, 'unknown BINGO_RABBITMQ_REFUSED', null])
    expect(result?.[1]?.error.hint).toContain('Bind a queue')
    expect(result?.[1]?.answer).toEqual({ status: '312', text: 'NO_ROUTE' })
    expect((await take(2)).map(({ id }) => id)).toEqual([1, 3])
  })

  test('a missing exchange holds up its own messages only', async () => {
    const result = await target.send([...jobs({ exchange: 'gone' }, 1), ...jobs({}, 2)], signal)
    expect(summary(result)).toEqual(['unknown BINGO_RABBITMQ_REFUSED', null])
    expect(await target.send(jobs({}, 3), signal)).toBeUndefined()
    expect((await take(2)).map(({ id }) => id)).toEqual([2, 3])
  })

  test('finds the message that is too large; the others are delivered, in order of their rows', async () => {
    const large = jobs({ body: { text: 'x'.repeat(6_000) } }, 4)
    const result = await target.send([...jobs({}, 1, 2), ...large, ...jobs({}, 3, 3)], signal)
    expect(summary(result)).toEqual([null, null, 'poison BINGO_RABBITMQ_REFUSED', null, null])
    expect(result?.[2]?.error.hint).toContain('max_message_size')
    const taken = (await take(20)).map(({ id }) => id)
    // What was under way beside the large one may have been taken already, and is sent again.
    expect(new Set(taken)).toEqual(new Set([1, 2, 3]))
  })

  test('a queue that is full holds up its own messages only', async () => {
    const full = { 'x-max-length': 0, 'x-overflow': 'reject-publish' } as const
    await connection.queueDeclare({ queue: 'full', durable: true, arguments: full })
    const refused = jobs({ exchange: undefined, routingKey: 'full' }, 1)
    const result = await target.send([...refused, ...jobs({}, 2)], signal)
    expect(summary(result)).toEqual(['unknown BINGO_RABBITMQ_REFUSED', null])
    expect((await take(1)).map(({ id }) => id)).toEqual([2])
  })

  test('two rules that send one event have ids of their own, and a long rule id is not cut', async () => {
    const other = await sendWith({}, { identity: '1' })
    expect(other).toBeUndefined()
    expect(await target.send(jobs({}, 1), signal)).toBeUndefined()
    const long = jobs({}, 1).map((job) => {
      const rule = { ...job.action.rule, id: '€'.repeat(128) }
      return withAction(job, { ...job.action, rule })
    })
    expect(await target.send(long, signal)).toBeUndefined()
    const ids = (await take(10)).map(({ messageId }) => String(messageId))
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(id).toMatch(/#rule#[01]$|^event-[0-9a-f]{32}$/)
  })

  test('a message whose headers do not fit into a frame is poison, and nothing else waits for it', async () => {
    const large = jobs({ headers: { note: 'x'.repeat(9_000) } }, 2)
    const result = await target.send([...jobs({}, 1), ...large, ...jobs({}, 3)], signal)
    expect(summary(result)).toEqual([null, 'poison BINGO_RABBITMQ_REFUSED', null])
    expect(result?.[1]?.error.hint).toContain('8 kB')
    expect(new Set((await take(9)).map(({ id }) => id))).toEqual(new Set([1, 3]))
  })

  test('a user who may not write to the exchange makes its events wait', async () => {
    const result = await sendWith({ exchange: 'amq.rabbitmq.trace' })
    expect(summary(result)).toEqual(['down BINGO_RABBITMQ_UNREACHABLE'])
    expect(result?.[0]?.error.message).toContain('ACCESS_REFUSED')
    expect(result?.[0]?.error.hint).toContain('write permission')
  })

  test('a broker that does not answer is down after the timeout of the action, and a new connection is made', async () => {
    await using proxy = await TcpProxy.start(server)
    const url = server.url.replace(String(server.port), String(proxy.port))
    const one = (id: number): Sendable[] => {
      const { plan } = compile(
        { type: 'rabbitmq', url, exchange: 'shop', routingKey: 'users.x', body: { id } },
        { timeoutMs: 2_000 },
      )
      return [jobFor(plan, { id, status: 1 })]
    }
    const other = await rabbitmq.open(one(1)[0]!.action.target, { log: silentLog, now: Date.now })
    expect(await other.send(one(1), signal)).toBeUndefined()
    proxy.halfOpen = true
    expect(summary(await other.send(one(2), signal))).toEqual(['down BINGO_RABBITMQ_UNREACHABLE'])
    expect(summary(await other.send(one(2), signal))).toEqual(['down BINGO_RABBITMQ_UNREACHABLE'])
    proxy.halfOpen = false
    expect(await other.send(one(2), signal)).toBeUndefined()
    await other.close()
    expect((await take(2)).map(({ id }) => id)).toEqual([1, 2])
  })

  test('a message that is too large cuts nothing off in the other send that is in flight', async () => {
    const many = jobs({}, ...Array.from({ length: 300 }, (_, i) => 1_000 + i))
    const large = jobs({ body: { text: 'x'.repeat(6_000) } }, 1, 2, 3)
    const results = await Promise.all([
      target.send(large.slice(0, 1), signal),
      target.send(many, signal),
      target.send(large.slice(1), signal),
    ])
    const poison = 'poison BINGO_RABBITMQ_REFUSED'
    expect(results.map((result) => result && summary(result))).toEqual([[poison], undefined, [poison, poison]])
    expect((await take(400)).map(({ id }) => id)).toEqual(many.map((_, i) => 1_000 + i))
  })

  test('a connection that one send gives up is kept until the other has ended', async () => {
    await using proxy = await TcpProxy.start(server)
    const url = server.url.replace(String(server.port), String(proxy.port))
    const one = (id: number, timeoutMs: number): Sendable[] => {
      const action = { type: 'rabbitmq', url, exchange: 'shop', routingKey: 'users.x', body: { id } }
      return [jobFor(compile(action, { timeoutMs }).plan, { id, status: 1 })]
    }
    const other = await rabbitmq.open(one(1, 1)[0]!.action.target, { log: silentLog, now: Date.now })
    const both = (firstMs: number): Promise<SendResult[]> =>
      Promise.all([other.send(one(1, firstMs), signal), other.send(one(2, 60_000), signal)])
    expect(await both(60_000)).toEqual([undefined, undefined])
    proxy.latencyMs = 500
    const [first, second] = await both(200)
    expect(summary(first)).toEqual(['down BINGO_RABBITMQ_UNREACHABLE'])
    expect(second).toBeUndefined()
    proxy.latencyMs = 0
    expect(await both(60_000)).toEqual([undefined, undefined])
    await other.close()
    const taken = (await take(10)).map(({ id }) => id)
    expect(taken.filter((id) => id === 2)).toHaveLength(3)
  })

  test('a wrong password and a wrong virtual host are reported as such', async () => {
    const login = await sendWith({ url: server.url.replace('guest:guest', 'guest:wrong') })
    expect(summary(login)).toEqual(['down BINGO_RABBITMQ_UNREACHABLE'])
    expect(login?.[0]?.error.message).toContain('ACCESS_REFUSED')
    expect(login?.[0]?.error.message).not.toContain('wrong')
    expect(login?.[0]?.error.hint).toContain('password')
    const host = await sendWith({ url: `${server.url}/nowhere` })
    expect(host?.[0]?.error.hint).toContain('virtual host')
  })
})

describe('TLS to RabbitMQ', () => {
  const secure = (): string => `amqps://guest:guest@localhost:${server.tlsPort}`

  test('works with the right authority and a client certificate', async () => {
    const { cert, key } = await authority.issue({ commonName: 'bingo' })
    expect(await sendWith({ url: secure(), tls: { ca: authority.ca, cert, key } })).toBeUndefined()
    expect((await take(1)).map(({ id }) => id)).toEqual([1])
  })

  test('refuses another authority, another name, a missing client certificate, and a port without TLS', async () => {
    await using stranger = await CertificateAuthority.create('Another authority')
    const { cert, key } = await authority.issue({ commonName: 'bingo' })
    const tls = { ca: authority.ca, cert, key }
    const refusals: [string, object, RegExp][] = [
      ['another authority', { url: secure(), tls: { ...tls, ca: stranger.ca } }, /`ca`/],
      ['the public authorities', { url: secure() }, /`ca`/],
      ['another name', { url: secure(), tls: { ...tls, servername: 'rabbit.example' } }, /`servername`/],
      ['no client certificate', { url: secure(), tls: { ca: authority.ca } }, /client certificate/],
      ['no TLS there', { tls }, /speaks TLS/],
    ]
    for (const [name, overrides, hint] of refusals) {
      const result = await sendWith(overrides)
      expect([name, ...summary(result)!]).toEqual([name, 'down BINGO_RABBITMQ_UNREACHABLE'])
      expect(result?.[0]?.error.hint).toMatch(hint)
    }
    expect(await take(1)).toEqual([])
  })
})
