import { describe, expect, test } from 'vitest'
import { Change } from '../../../src/model/event/change.ts'
import { EvaluationError } from '../../../src/model/errors.ts'
import { ADA, changeOf, tableOf } from '../../support/match-tables.ts'
import { payloadOf } from '../../support/rules-from-text.ts'

const USERS = tableOf({ id: 'bigint', name: 'varchar', serial: 'ubigint' })
const ROW = { id: 1, name: 'Ada', serial: 18446744073709551615n }
const LOG = '{type: log, format: debezium}'
const KAFKA = '{type: kafka, brokers: ["k:9092"], topic: t, format: debezium}'
const insert = changeOf(null, ROW, USERS)
const update = changeOf({ ...ROW, name: 'A' }, ROW, USERS)
const remove = changeOf(ROW, null, USERS)

const envelope = (change: Change): unknown => JSON.parse(payloadOf(LOG, change) as string)

/** As in the example of docs/events.md, but for what the sample change has. */
const SOURCE = {
  version: 'bingo',
  connector: 'mysql',
  name: 'bingo',
  ts_ms: 1_795_168_800_123,
  ts_us: 1_795_168_800_123_456,
  snapshot: 'false',
  db: 'shop',
  sequence: null,
  table: 'users',
  server_id: 7,
  gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:42',
  file: 'binlog.000003',
  pos: 1234,
  row: 3,
  thread: null,
  query: null,
}
const JSON_ROW = { ...ROW, serial: '18446744073709551615' }

function statement(op: 'truncate' | 'ddl'): Change {
  const none = { schema: 'shop', name: 'users', columns: [], key: [], flavour: 'mariadb' as const }
  return new Change(none, op, insert.transaction, 3, null, null, 'TRUNCATE users')
}

describe('The envelope of Debezium', () => {
  test.each([
    [insert, { before: null, after: JSON_ROW, op: 'c' }],
    [update, { before: { ...JSON_ROW, name: 'A' }, after: JSON_ROW, op: 'u' }],
    [remove, { before: JSON_ROW, after: null, op: 'd' }],
  ])('has the rows, the source and the operation', (change, expected) => {
    expect(envelope(change)).toStrictEqual({ ...expected, source: SOURCE, transaction: null, ts_ms: SOURCE.ts_ms })
  })

  test('has no rows for a TRUNCATE, and names the server', () => {
    expect(envelope(statement('truncate'))).toStrictEqual({
      source: { ...SOURCE, connector: 'mariadb', query: 'TRUNCATE users' },
      transaction: null,
      op: 't',
      ts_ms: SOURCE.ts_ms,
    })
  })

  test('is refused for what Debezium has no data change event for', () => {
    expect(() => envelope(statement('ddl'))).toThrow(EvaluationError)
    expect(() => envelope(statement('ddl'))).toThrow('Debezium has no data change event for ddl')
  })

  test('is the same for every type that sends JSON', () => {
    const webhook = '{type: webhook, url: "https://x.example.com/", format: debezium}'
    const nats = '{type: nats, url: "nats://n:4222", subject: s, format: debezium}'
    const rabbitmq = '{type: rabbitmq, url: "amqp://r", routingKey: q, format: debezium}'
    expect(JSON.parse((payloadOf(webhook, insert) as { json: string }).json)).toStrictEqual(envelope(insert))
    for (const action of [nats, rabbitmq]) expect(JSON.stringify(payloadOf(action, insert))).toContain('ts_us')
  })
})

describe('Records of Kafka', () => {
  test('have the key as a map, and a tombstone behind a DELETE', () => {
    expect(payloadOf(KAFKA, update)).toMatchObject({ key: '{"id":1}' })
    expect(payloadOf(KAFKA, update)).not.toHaveProperty('tombstone')
    expect(payloadOf(KAFKA, remove)).toMatchObject({ key: '{"id":1}', tombstone: true })
  })

  test('have no tombstone, another key, or tombstones without the envelope where the rule says so', () => {
    expect(payloadOf(KAFKA.replace('}', ', tombstones: false}'), remove)).not.toHaveProperty('tombstone')
    expect(payloadOf(KAFKA.replace('}', ', key: "k{{id}}"}'), remove)).toMatchObject({ key: 'k1' })
    const plain = KAFKA.replace('format: debezium', 'tombstones: true')
    expect(payloadOf(plain, remove)).toMatchObject({ key: '1', tombstone: true })
    expect(payloadOf(plain.replace(', tombstones: true', ''), remove)).not.toHaveProperty('tombstone')
  })

  test('share a key where the table has none', () => {
    const keyless = { ...USERS, key: [] }
    expect(payloadOf(KAFKA, changeOf(null, ADA, keyless))).toMatchObject({ key: 'shop.users' })
    expect(payloadOf(KAFKA, statement('truncate'))).toMatchObject({ key: 'shop.users' })
  })
})
