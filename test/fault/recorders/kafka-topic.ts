import { Admin, Consumer, stringDeserializers } from '@platformatic/kafka'
import { startKafka } from '../../support/servers/kafka.ts'
import type { Arrival } from '../checker.ts'
import { arrivalOf, NOTE, recordingRules } from './recorder.ts'
import type { Note, Recorder } from './recorder.ts'

const TOPIC = 'arrivals'
const PARTITIONS = 4

/**
 * A topic of several partitions, keyed by the writer's name of the row: its primary key may change, and then Kafka would
 * promise no order between the partitions of the old and the new one.
 */
export async function recordKafkaTopic(): Promise<Recorder> {
  const server = await startKafka()
  const admin = new Admin({ clientId: 'fault', bootstrapBrokers: [server.url], retries: 20, retryDelay: 300 })
  await admin.createTopics({ topics: [TOPIC], partitions: PARTITIONS, replicas: 1 })
  await admin.close()
  const consumer = new Consumer({
    groupId: 'fault',
    clientId: 'fault',
    bootstrapBrokers: [server.url],
    deserializers: stringDeserializers,
    // A broker that has just started knows its groups later than its topics, on a slow disk by many seconds.
    retries: true,
  })
  const stream = await consumer.consume({ topics: [TOPIC], mode: 'earliest', autocommit: false })
  const seen: Arrival[] = []
  stream.on('data', ({ value }) => seen.push(arrivalOf(JSON.parse(value) as Note)))
  const key = '"{{table}}:{{uid}}"'
  return {
    rules: recordingRules(`{type: kafka, brokers: ["${server.url}"], topic: ${TOPIC}, key: ${key}, value: ${NOTE}}`),
    env: {},
    arrivals: async () => seen,
    [Symbol.asyncDispose]: async () => {
      await stream.close()
      await consumer.close(true)
      await server.stop()
    },
  }
}
