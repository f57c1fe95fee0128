import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import { startKafka } from '../../support/servers/kafka.ts'
import { BODY, inPieces, json } from './contestant.ts'
import type { Contestant } from './contestant.ts'

const TOPIC = 'changes'
const PARTITIONS = 4
const RECORDS_PER_SEND = 1_800

/** acks=all, idempotent, one send in flight: more would arrive out of sequence. */
export const KAFKA: Contestant = {
  name: 'kafka',
  rows: 100_000,
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
      action: `{type: kafka, brokers: ["${server.url}"], topic: ${TOPIC}, value: ${BODY}}`,
      bare: (rows) =>
        inPieces(rows, RECORDS_PER_SEND, 1, (from, to) => {
          const messages = Array.from({ length: to - from }, (_, i) => ({
            topic: TOPIC,
            key: String(from + i),
            value: json(from + i),
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
