import { Consumer, Admin, stringDeserializers } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kafka } from '../../src/act/actions/kafka.ts'
import type { Job, SendResult, Target } from '../../src/core/action.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { silentLog } from '../support/jobs.ts'
import { compile, jobFor } from '../unit/act/action-spec.ts'

interface Record {
  readonly key: string
  readonly value: string
  readonly partition: number
  readonly headers: { readonly [name: string]: string }
}

const { signal } = new AbortController()
let server: Awaited<ReturnType<typeof startKafka>>
let admin: Admin
let target: Target

const fields = (overrides: object = {}) => ({ type: 'kafka', brokers: [server.url], topic: 'users', ...overrides })

function jobs(overrides: object, ...ids: number[]): Job[] {
  const { plan, problems } = compile(fields(overrides))
  expect(problems).toEqual([])
  return ids.map((id, seq) => jobFor(plan, { id, status: 1 }, seq))
}

async function readAll(topic: string, count: number): Promise<Record[]> {
  const consumer = new Consumer({
    groupId: `test-${topic}-${count}`,
    clientId: 'test',
    bootstrapBrokers: [server.url],
    deserializers: stringDeserializers,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
  const records: Record[] = []
  for await (const message of stream) {
    const headers = Object.fromEntries(message.headers)
    records.push({ key: message.key, value: message.value, partition: message.partition, headers })
    if (records.length === count) break
  }
  await stream.close()
  await consumer.close(true)
  return records
}

const summary = (result: SendResult) => result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)

beforeAll(async () => {
  server = await startKafka()
  admin = new Admin({ clientId: 'test', bootstrapBrokers: [server.url] })
  await admin.createTopics({ topics: ['users', 'packed', 'restarted'], partitions: 4, replicas: 1 })
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
  })

  test('a broker that is killed and comes back takes the events', async () => {
    const batch = (id: number): Job[] => jobs({ topic: 'restarted', value: { id: '{{id}}' } }, id)
    expect(await target.send(batch(1), signal)).toBeUndefined()
    await server.kill('SIGKILL')
    expect(summary(await target.send(batch(2), signal))).toEqual(['down BINGO_KAFKA_UNREACHABLE'])
    await server.restart()
    let result = await target.send(batch(2), signal)
    while (result !== undefined) result = await target.send(batch(2), signal)
    const records = await readAll('restarted', 2)
    expect(records.map(({ value }) => value).toSorted()).toEqual(['{"id":1}', '{"id":2}'])
  })
})
