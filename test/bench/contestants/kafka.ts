import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import { startKafka } from '../../support/servers/kafka.ts'
import { BODY, inPieces, json } from './contestant.ts'
import type { Contestant } from './contestant.ts'

const TOPIC = 'changes'
const PARTITIONS = 4
const RECORDS_PER_SEND = 1_800

/** The body that all targets send. */
export const KAFKA = contestant('kafka', `value: ${BODY}`, json)

/** What rules send that say nothing of a body. */
export const KAFKA_EVENTS = contestant('kafka, whole events', 'format: event', event)

/** acks=all, idempotent, one send in flight: more would arrive out of sequence. */
function contestant(name: string, content: string, valueOf: (id: number) => string): Contestant {
  return {
    name,
    rows: 200_000,
    async start() {
      const server = await startKafka()
      const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [server.url] })
      await admin.createTopics({ topics: [TOPIC], partitions: PARTITIONS, replicas: 1 })
      await admin.close()
      const producer = new Producer({
        clientId: 'bench',
        bootstrapBrokers: [server.url],
        serializers: stringSerializers,
        acks: -1,
        idempotent: true,
      })
      return {
        action: `{type: kafka, brokers: ["${server.url}"], topic: ${TOPIC}, ${content}}`,
        bare: (rows) =>
          inPieces(rows, RECORDS_PER_SEND, 1, (from, to) => {
            const messages = Array.from({ length: to - from }, (_, i) => ({
              topic: TOPIC,
              key: String(from + i),
              value: valueOf(from + i),
            }))
            return producer.send({ messages })
          }),
        async [Symbol.asyncDispose]() {
          await producer.close()
          await server.stop()
        },
      }
    },
  }
}

/** As large as the event of a row of the data set that was updated, some 800 bytes. */
function event(id: number): string {
  const row = {
    id,
    email: `user${id}@example.com`,
    name: `Name of user ${id}`,
    status: 0,
    age: 38,
    balance: '7142.86',
    note: 'a short note about this user',
    score: id / 3,
    created: '2026-01-01 12:00:00.123',
    updated: '2026-01-01T12:00:00.123456Z',
  }
  const gtid = '3e11fa47-71ca-11e1-9e33-c80aa9429562:42'
  return JSON.stringify({
    id: `${gtid}/${id}`,
    op: 'update',
    schema: 'shop',
    table: 'big',
    key: { id },
    old: row,
    new: { ...row, status: 1 },
    changed: ['status'],
    ts: '2026-01-01T12:00:00.123456Z',
    gtid,
    position: { file: 'binlog.000001', offset: 22_880_151 },
    serverId: 1,
    txId: gtid,
    seq: id,
    query: null,
  })
}
