import { Admin } from '@platformatic/kafka'
import { eventually } from '../../support/daemon.ts'
import { startKafkaCluster } from '../../support/servers/kafka.ts'
import { KAFKA_TOPIC, PARTITIONS, readAll } from './kafka.ts'
import { NOTE } from './outlet.ts'
import type { Outlet } from './outlet.ts'

const NODES = 3
const IN_SYNC_MS = 120_000

/** Three brokers, of which one after the other is killed: leaders change, and two in-sync replicas go on taking records. */
export async function startKafkaClusterTopic(): Promise<Outlet> {
  const nodes = await startKafkaCluster(NODES)
  const brokers = nodes.map(({ url }) => url)
  const admin = new Admin({ clientId: 'fault', bootstrapBrokers: brokers, retries: 20, retryDelay: 500 })
  const configs = [{ name: 'min.insync.replicas', value: '2' }]
  await admin.createTopics({ topics: [KAFKA_TOPIC], partitions: PARTITIONS, replicas: NODES, configs })
  let kills = 0
  const inSync = async (): Promise<boolean> => {
    const metadata = await admin.metadata({ topics: [KAFKA_TOPIC], forceUpdate: true }).catch(() => null)
    const partitions = metadata?.topics.get(KAFKA_TOPIC)?.partitions ?? []
    return partitions.length === PARTITIONS && partitions.every(({ isr }) => isr.length === NODES)
  }
  await eventually('all replicas are in sync', inSync, IN_SYNC_MS)
  return {
    name: 'a leader of a Kafka cluster',
    keeps: 'history',
    port: null,
    action: `{type: kafka, brokers: ${JSON.stringify(brokers)}, topic: ${KAFKA_TOPIC}, value: ${NOTE}}`,
    breakDown: (how) => nodes[kills % NODES]!.kill(how === 'stall' ? 'SIGSTOP' : 'SIGKILL'),
    recover: async (how) => {
      const node = nodes[kills++ % NODES]!
      await (how === 'stall' ? node.kill('SIGCONT') : node.restart())
      await eventually('all replicas are in sync again', inSync, IN_SYNC_MS)
    },
    arrivals: () => readAll(brokers[0]!),
    [Symbol.asyncDispose]: async () => {
      await admin.close()
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}
