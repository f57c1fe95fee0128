import { Admin, Consumer, stringDeserializers } from '@platformatic/kafka'
import { startKafka } from '../../support/servers/kafka.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Arrival } from '../checker.ts'
import { arrivalOfJson, breakable, NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'

export const KAFKA_TOPIC = 'arrivals'
export const PARTITIONS = 4
/** The end was reached when nothing more comes for this long. */
const IDLE_MS = 3_000

export async function startKafkaTopic(line?: TcpProxy): Promise<Outlet> {
  const server = await startKafka({ advertisedPort: line?.port })
  line?.repoint(server)
  const admin = new Admin({ clientId: 'fault', bootstrapBrokers: [server.url] })
  await admin.createTopics({ topics: [KAFKA_TOPIC], partitions: PARTITIONS, replicas: 1 })
  await admin.close()
  return {
    name: 'kafka',
    keeps: 'history',
    action: `{type: kafka, brokers: ["${server.url}"], topic: ${KAFKA_TOPIC}, value: ${NOTE}}`,
    ...breakable(server),
    arrivals: () => readAll(server.url),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** Everything in the topic: partition by partition in order, which is all that Kafka promises and all that a row needs. */
export async function readAll(broker: string): Promise<Arrival[]> {
  const consumer = new Consumer({
    groupId: `fault-${Date.now()}`,
    clientId: 'fault',
    bootstrapBrokers: [broker],
    deserializers: stringDeserializers,
  })
  const stream = await consumer.consume({ topics: [KAFKA_TOPIC], mode: 'earliest', autocommit: false })
  const arrivals: Arrival[] = []
  let idle = setTimeout(() => void stream.close(), IDLE_MS * 4)
  for await (const message of stream) {
    arrivals.push(arrivalOfJson(message.value))
    clearTimeout(idle)
    idle = setTimeout(() => void stream.close(), IDLE_MS)
  }
  clearTimeout(idle)
  await consumer.close(true)
  return arrivals
}
