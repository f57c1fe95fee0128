import { Admin } from '@platformatic/kafka'
import { committedValues } from '../../support/kafka-committed.ts'
import { startKafka } from '../../support/servers/kafka.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Arrival } from '../checker.ts'
import { arrivalOfJson, breakable, NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'

export const KAFKA_TOPIC = 'arrivals'
export const PARTITIONS = 4

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

/** The same, where each event is to be there once. */
export async function startKafkaOnce(): Promise<Outlet> {
  const outlet = await startKafkaTopic()
  return {
    ...outlet,
    name: 'kafka with exactlyOnce',
    action: outlet.action.replace(/}$/, ', exactlyOnce: true}').replace('type: kafka', 'type: kafka, timeout: 20s'),
  }
}

/**
 * Everything in the topic that is committed: partition by partition in order, which is all that Kafka promises and all
 * that a row needs.
 */
export async function readAll(broker: string): Promise<Arrival[]> {
  return (await committedValues(broker, KAFKA_TOPIC)).map((value) => arrivalOfJson(value))
}
