import { Admin } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafka } from '../../src/targets/kafka/action.ts'
import type { Sendable, SendResult, Target } from '../../src/model/rule/action.ts'
import { InFlightJob } from '../../src/model/delivery/in-flight-job.ts'
import { CertificateAuthority } from '../support/certificates.ts'
import { silentLog } from '../support/jobs.ts'
import { changeOf, tableOf } from '../support/match-tables.ts'
import { readTopic } from '../support/kafka-topic.ts'
import type { TopicRecord } from '../support/kafka-topic.ts'
import { sendUntilTaken, summary } from '../support/redelivery.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { KAFKA_USER } from '../support/servers/kafka-properties.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startKafka>>
let admin: Admin
let target: Target
let authority: CertificateAuthority

const fields = (overrides: object = {}) => ({ type: 'kafka', brokers: [server.url], topic: 'users', ...overrides })

function jobs(overrides: object, ...ids: number[]): Sendable[] {
  const { plan, problems } = compile(fields(overrides), { timeoutMs: 20_000 })
  expect(problems).toEqual([])
  return ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq))
}

const readAll = (topic: string, count: number): Promise<TopicRecord[]> => readTopic([server.url], topic, count)

/** One event through a target of its own. */
async function sendWith(overrides: object): Promise<SendResult> {
  const [job] = jobs(overrides, 1)
  const other = await kafka.open(job!.action.target, { log: silentLog, now: Date.now })
  try {
    return await other.send([job!], signal)
  } finally {
    await other.close()
  }
}

beforeAll(async () => {
  authority = await CertificateAuthority.create()
  server = await startKafka({ tls: { ...(await authority.issue()), ca: authority.ca } })
  admin = new Admin({ clientId: 'test', bootstrapBrokers: [server.url] })
  await admin.createTopics({ topics: ['users', 'packed', 'restarted', 'secure'], partitions: 4, replicas: 1 })
  await admin.createTopics({
    topics: ['small'],
    partitions: 1,
    replicas: 1,
    configs: [{ name: 'max.message.bytes', value: '2000' }],
  })
  target = await kafka.open(compile(fields()).plan.target, { log: silentLog, now: Date.now })
})
afterAll(async () => {
  await target.close()
  await admin.close()
  await server.stop()
  await authority[Symbol.asyncDispose]()
})

describe('a record', () => {
  test('without a value is a tombstone, and not an empty text or the word null', async () => {
    await admin.createTopics({ topics: ['graves'], partitions: 1, replicas: 1 })
    expect(await sendWith({ topic: 'graves', value: 'tombstone' })).toBeUndefined()
    expect(await sendWith({ topic: 'graves', text: 'id={{id}}', contentType: 'text/x-form' })).toBeUndefined()
    const [grave, text] = await readAll('graves', 2)
    expect(grave).toMatchObject({ key: '1', value: undefined })
    expect(text).toMatchObject({ key: '1', value: 'id=1', headers: { 'content-type': 'text/x-form' } })
  })

  test('of a DELETE in the envelope of Debezium is followed by a tombstone', async () => {
    await admin.createTopics({ topics: ['cdc'], partitions: 1, replicas: 1 })
    const users = tableOf({ id: 'bigint', name: 'varchar' })
    const changes = [changeOf(null, { id: 1, name: 'Ada' }, users), changeOf({ id: 1, name: 'Ada' }, null, users)]
    const { plan } = compile(fields({ topic: 'cdc', format: 'debezium' }), { timeoutMs: 20_000 })
    const hold = { release: () => undefined }
    const sent = changes.map((change) => new InFlightJob(plan, change, plan.bind(users)(change), 0, 0, hold, null))
    expect(await target.send(sent, signal)).toBeUndefined()
    const records = await readAll('cdc', 3)
    expect(records.map(({ key }) => key)).toEqual(['{"id":1}', '{"id":1}', '{"id":1}'])
    expect(records.map(({ value }) => value && (JSON.parse(value) as { op: string }).op)).toEqual(['c', 'd', undefined])
  })

  test('with a topic that no broker takes is poison before it is sent', () => {
    const long = { id: 1, status: 't'.repeat(250) }
    for (const status of ['a b', 'ü', '..', long.status, 'a/b']) {
      const { plan } = compile(fields({ topic: '{{status}}' }))
      expect(() => jobFor(plan, { id: 1, status })).toThrow(/`topic` must have 1 to 249/)
    }
  })
})

describe('TLS and SASL to Kafka', () => {
  const certified = (): string[] => [`localhost:${server.ports.tls}`]
  const login = (): string[] => [`localhost:${server.ports.sasl}`]

  test('work with the right authority: a client certificate, or user and password by every mechanism', async () => {
    const { cert, key } = await authority.issue({ commonName: 'bingo' })
    const base = { topic: 'secure', value: { id: '{{id}}' } }
    expect(await sendWith({ ...base, brokers: certified(), tls: { ca: authority.ca, cert, key } })).toBeUndefined()
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      const sasl = { ...KAFKA_USER, mechanism }
      expect(await sendWith({ ...base, brokers: login(), tls: { ca: authority.ca }, sasl })).toBeUndefined()
    }
    expect(await readAll('secure', 4)).toHaveLength(4)
  })

  test('a wrong password is reported as such, without the password in the message', async () => {
    const sasl = { ...KAFKA_USER, mechanism: 'SCRAM-SHA-512', password: 'mistaken' }
    const result = await sendWith({ brokers: login(), tls: { ca: authority.ca }, sasl })
    expect(summary(result)).toEqual(['down BINGO_KAFKA_REFUSED'])
    expect(result?.[0]?.error.message).toBe('Kafka answered SASL_AUTHENTICATION_FAILED')
    expect(result?.[0]?.error.hint).toContain('password')
  })

  test('refuse another authority, another name and a port without TLS', async () => {
    await using stranger = await CertificateAuthority.create('Another authority')
    const { cert, key } = await authority.issue({ commonName: 'bingo' })
    const tls = { ca: authority.ca, cert, key }
    const refusals: [string, object, RegExp][] = [
      ['another authority', { brokers: certified(), tls: { ...tls, ca: stranger.ca } }, /certificate/],
      ['the public authorities', { brokers: certified(), tls: {} }, /certificate/],
      ['another name', { brokers: certified(), tls: { ...tls, servername: 'kafka.example' } }, /kafka\.example/],
      ['no TLS there', { tls }, /TLS/],
      ['no TLS here', { brokers: certified() }, /requires TLS/],
    ]
    for (const [name, overrides, reason] of refusals) {
      const result = await sendWith(overrides)
      expect([name, ...summary(result)!]).toEqual([name, 'down BINGO_KAFKA_UNREACHABLE'])
      expect(result?.[0]?.error.message).toMatch(reason)
    }
  })
})

describe('a Kafka target', () => {
  test('sends the event keyed by the primary key: one partition per key, in order', async () => {
    const ids = Array.from({ length: 400 }, (_, i) => i % 20)
    expect(await target.send(jobs({ headers: { source: 'bingo' } }, ...ids), signal)).toBeUndefined()
    const records = await readAll('users', 400)
    const partitions = new Map<string, Set<number>>()
    const seqs = new Map<string, number[]>()
    for (const { key, value, partition, headers } of records) {
      const event = JSON.parse(value) as { id: string; seq: number }
      expect(headers).toMatchObject({ source: 'bingo', 'bingo-event-id': event.id, 'content-type': 'application/json' })
      partitions.set(key, (partitions.get(key) ?? new Set()).add(partition))
      seqs.set(key, [...(seqs.get(key) ?? []), event.seq])
    }
    expect(partitions.size).toBe(20)
    for (const [key, set] of partitions) expect([key, set.size]).toEqual([key, 1])
    for (const list of seqs.values()) expect(list).toEqual(list.toSorted((a, b) => a - b))
  })

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('compresses with %s', async (compression) => {
    const topic = `packed`
    const batch = jobs({ topic, compression, value: { text: 'x'.repeat(1000), compression } }, 1, 2, 3)
    expect(await target.send(batch, signal)).toBeUndefined()
  })

  test('what was compressed can be read', async () => {
    const records = await readAll('packed', 15)
    const used = new Set(records.map(({ value }) => (JSON.parse(value) as { compression: string }).compression))
    expect(used.size).toBe(5)
  })

  test('finds the record that is too large; the others are delivered in order', async () => {
    const small = jobs({ topic: 'small', value: { id: '{{id}}' } }, 1, 2, 3)
    const large = jobs({ topic: 'small', value: { text: 'x'.repeat(5_000) } }, 4)
    const result = await target.send([...small.slice(0, 2), ...large, ...small.slice(2)], signal)
    expect(summary(result)).toEqual([null, null, 'poison BINGO_KAFKA_REFUSED', null])
    const records = await readAll('small', 3)
    expect(records.map(({ value }) => value)).toEqual(['{"id":1}', '{"id":2}', '{"id":3}'])
  })

  test('a missing topic holds up its own events only', async () => {
    const missing = jobs({ topic: 'gone', value: { id: 1 } }, 1)
    const result = await target.send([...missing, ...jobs({ value: { id: 2 } }, 2)], signal)
    expect(summary(result)).toEqual(['unknown BINGO_KAFKA_REFUSED', null])
    expect(result?.[0]?.error.message).toContain('UNKNOWN_TOPIC_OR_PARTITION for topic gone')
    expect(result?.[0]?.error.hint).toContain('createTopics')
  })

  test('a missing topic is created where that is wished, although the broker creates none by itself', async () => {
    const made = { topic: 'made', createTopics: true, value: { id: '{{id}}' } }
    const [job] = jobs(made, 1)
    const other = await kafka.open(job!.action.target, { log: silentLog, now: Date.now })
    await sendUntilTaken(other, [job!])
    await other.close()
    expect((await readAll('made', 1)).map(({ value }) => value)).toEqual(['{"id":1}'])
  })

  test('a broker that does not answer is down after the timeout of the action', async () => {
    await using proxy = await TcpProxy.start(server)
    proxy.halfOpen = true
    const { plan } = compile(fields({ brokers: [`127.0.0.1:${proxy.port}`] }), { timeoutMs: 500 })
    const other = await kafka.open(plan.target, { log: silentLog, now: Date.now })
    const result = await other.send([jobFor(plan)], signal)
    expect(summary(result)).toEqual(['down BINGO_KAFKA_UNREACHABLE'])
    expect(result?.[0]?.error.message).toContain('500 ms')
    await other.close()
  })

  test('a broker that is killed and restarted receives the events', async () => {
    const batch = (id: number): Sendable[] => jobs({ topic: 'restarted', value: { id: '{{id}}' } }, id)
    expect(await target.send(batch(1), signal)).toBeUndefined()
    await server.kill('SIGKILL')
    expect(summary(await target.send(batch(2), signal))).toEqual(['down BINGO_KAFKA_UNREACHABLE'])
    await server.restart()
    await sendUntilTaken(target, batch(2))
    const records = await readAll('restarted', 2)
    expect(records.map(({ value }) => value).toSorted()).toEqual(['{"id":1}', '{"id":2}'])
  })
})
