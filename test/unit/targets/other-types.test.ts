import { describe, expect, test } from 'vitest'
import { BatchPacker } from '../../../src/targets/kafka/packed-batches.ts'
import { change, tableDef } from '../../support/jobs.ts'
import { MAIL_PROTO } from '../../support/grpc-server.ts'
import { compile, jobFor } from './action-spec.ts'

const KAFKA = { type: 'kafka', brokers: ['k1:9092'], topic: 'shop.users' }

describe('a Kafka action', () => {
  test('keys records by the primary key, or by the table without one', () => {
    const { plan } = compile(KAFKA)
    expect(jobFor(plan, { id: 7, status: 1 }).payload).toMatchObject({ topic: 'shop.users', key: '7' })
    const two = tableDef(['a', 'b'], [0, 1])
    expect(plan.bind(two)(change('insert', null, { a: 'x', b: 2n ** 60n }, 0, two))).toMatchObject({
      key: '["x","1152921504606846976"]',
    })
    const none = tableDef(['a'], [])
    expect(plan.bind(none)(change('insert', null, { a: 'x' }, 0, none))).toMatchObject({ key: 'shop.users' })
  })

  test('splits a send by topic, partition and size, in order', async () => {
    const { plan } = compile({ ...KAFKA, topic: '{{topic}}', key: '{{key}}', value: { v: '{{v}}' } })
    const job = (key: string, topic: string, length: number) =>
      jobFor(plan, { id: 1, key, topic, v: 'x'.repeat(length) })
    const jobs = [
      job('k', 'a', 10),
      job('k', 'b', 10),
      job('n', 'a', 10),
      job('k', 'a', 500_000),
      job('k', 'a', 500_000),
    ]
    const packed = await new BatchPacker(Date.now).pack(jobs, jobs.keys(), () => 2)
    const partitions = new Map(packed.map(({ topic, partition }) => [`${topic}${partition}`, partition]))
    expect(partitions.size).toBe(3)
    expect(packed.map(({ topic, indexes, count }) => [topic, indexes, count])).toEqual([
      ['a', [0, 3], 2],
      ['b', [1], 1],
      ['a', [2], 1],
      ['a', [4], 1],
    ])
  })

  test('refuses a broker without a port', () => {
    expect(compile({ ...KAFKA, brokers: ['k1'] }).problems.map((problem) => problem.code)).toEqual([
      'BINGO_RULE_KAFKA_BROKER',
    ])
  })
})

const GRPC = {
  type: 'grpc',
  address: 'm:1',
  method: 'mail.v1.Mailer/Send',
  proto: MAIL_PROTO,
  message: { id: '{{id}}' },
}

describe('other action types', () => {
  test.each([
    [{ type: 'rabbitmq', url: 'http://x', routingKey: 'a' }, 'BINGO_RULE_RABBITMQ_URL'],
    [{ type: 'nats', url: 'http://x', subject: 'a' }, 'BINGO_RULE_NATS_URL'],
    [{ type: 'nats', url: 'nats://u:p@x', subject: 'a', token: 't' }, 'BINGO_RULE_NATS_LOGIN'],
    [{ type: 'nats', url: 'nats://x', subject: 'a', nkey: 'no seed' }, 'BINGO_RULE_NATS_LOGIN'],
    [{ ...GRPC, address: 'mail' }, 'BINGO_RULE_GRPC_ADDRESS'],
    [{ ...GRPC, method: 'Send' }, 'BINGO_RULE_GRPC_METHOD'],
    [{ ...GRPC, method: 'mail.v1.Mailer/Watch' }, 'BINGO_RULE_GRPC_METHOD'],
    [{ ...GRPC, proto: 'gone.proto' }, 'BINGO_RULE_GRPC_PROTO'],
    [{ ...GRPC, proto: import.meta.filename }, 'BINGO_RULE_GRPC_PROTO'],
    [{ ...GRPC, message: { idd: 1 } }, 'BINGO_RULE_GRPC_FIELD'],
    [{ ...GRPC, metadata: { 'trace-bin': 'x' } }, 'BINGO_RULE_GRPC_METADATA'],
    [{ ...GRPC, metadata: { 'grpc-timeout': 'x' } }, 'BINGO_RULE_GRPC_METADATA'],
    [{ ...GRPC, concurrency: 0 }, 'BINGO_RULE_GRPC_CONCURRENCY'],
    [{ type: 'sql', url: 'postgres://x', statement: 'SELECT 1' }, 'BINGO_RULE_SQL_URL'],
    [{ type: 'sql', url: 'mysql://x', statement: 'SELECT {{id}}' }, 'BINGO_RULE_SQL_TEMPLATE'],
    [{ type: 'log', path: '' }, 'BINGO_RULE_LOG_PATH'],
  ])('refuses %j', (fields, code) => {
    expect(compile(fields).problems.map((problem) => problem.code)).toEqual([code])
  })

  test('a NATS subject with a wildcard or an empty part is refused when it is rendered', () => {
    const { plan } = compile({ type: 'nats', url: 'nats://n:4222', subject: 'shop.{{name}}' })
    expect(jobFor(plan, { id: 1, name: 'users' }).payload).toMatchObject({ subject: 'shop.users' })
    for (const name of ['*', '>', 'a b', '.x', '']) expect(() => jobFor(plan, { id: 1, name })).toThrow('subject')
  })

  test('SQL parameters keep NULL and exact integers', () => {
    const { plan } = compile({
      type: 'sql',
      url: 'mysql://db/x',
      statement: 'INSERT INTO t VALUES (?, ?, ?, ?)',
      params: ['{{event.id}}', '{{big}}', '{{nothing}}', { id: '{{id}}' }],
    })
    const job = jobFor(plan, { id: 1, big: 2n ** 63n, nothing: null })
    expect(job.payload).toEqual([job.id, '9223372036854775808', null, '{"id":1}'])
  })
})
