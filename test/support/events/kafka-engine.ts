import { setTimeout as delay } from 'node:timers/promises'
import { openAdmin } from '../../../src/clients/kafka/kafka.ts'
import { APPENDED_AT, INDEX, markOf, PLACE } from '../../../src/log/indexed/entry.ts'
import { parseKafkaAddress } from '../../../src/log/kafka/address.ts'
import { KafkaEngine } from '../../../src/log/kafka/engine.ts'
import { OpenTopic } from '../../../src/log/kafka/topic.ts'
import { openProducer } from '../kafka-producer.ts'
import { startKafka } from '../servers/kafka.ts'
import { OTHER } from './engine-server.ts'
import type { EngineServer } from './engine-server.ts'

export interface KafkaEngineServer extends EngineServer {
  /** Makes the topic as somebody else would. */
  make(url: string, config: { readonly [name: string]: string }): Promise<void>
  /** The places of each partition, as they stand there. */
  partitions(url: string): Promise<number[][]>
}

const PARTITIONS = 3
let logs = 0

export async function startKafkaEngine(): Promise<KafkaEngineServer> {
  const server = await startKafka()
  const bootstrapBrokers = [`127.0.0.1:${server.port}`]
  const connection = { clientId: 'test', bootstrapBrokers, retries: 20, retryDelay: 300 }
  const withAdmin = async <T>(work: (admin: ReturnType<typeof openAdmin>) => Promise<T>): Promise<T> => {
    const admin = openAdmin(connection)
    try {
      return await work(admin)
    } finally {
      await admin.close()
    }
  }
  const topicOf = (url: string): string => parseKafkaAddress(url).topic
  const partitions = async (url: string): Promise<number[][]> => {
    const topic = await OpenTopic.open(parseKafkaAddress(url))
    const latest = await topic.latest()
    let offsets = await topic.earliest()
    const places: number[][] = latest.map(() => [])
    while (offsets.some((offset, i) => offset < latest[i]!)) {
      const { records, next } = await topic.fetch(offsets)
      for (const { partition, header } of records) {
        const mark = markOf(header)
        if (mark !== null && mark.index !== OTHER) places[partition]!.push(mark.place)
      }
      offsets = next
    }
    await topic.close()
    return places
  }
  return {
    column: 'Kafka',
    newUrl: () => `kafka://127.0.0.1:${server.port}/log-${++logs}?partitions=${PARTITIONS}`,
    open: (url) => new KafkaEngine(parseKafkaAddress(url)),
    async publishOther(url) {
      const topic = topicOf(url)
      const producer = openProducer(connection)
      const headers = { [INDEX]: OTHER, [PLACE]: '1', [APPENDED_AT]: '1' }
      await producer.send({
        messages: [
          { topic, value: 'hello' },
          { topic, key: 'x', value: 'not json', headers },
        ],
        acks: -1,
      })
      await producer.close(true)
    },
    partitions,
    places: async (url) => (await partitions(url)).flat().sort((a, b) => a - b),
    make: (url, config) =>
      withAdmin(async (admin) => {
        const all = { 'retention.ms': '-1', 'retention.bytes': '-1', ...config }
        const configs = Object.entries(all).map(([name, value]) => ({ name, value }))
        await admin.createTopics({ topics: [topicOf(url)], partitions: PARTITIONS, replicas: 1, configs })
      }),
    lose: (url) => withAdmin((admin) => admin.deleteTopics({ topics: [topicOf(url)] })),
    kill: () => server.kill(),
    async restart() {
      await server.restart()
      // It accepts connections before it leads its partitions again.
      for (let attempt = 1; ; attempt++) {
        try {
          await withAdmin(async (admin) => {
            const names = await admin.listTopics()
            const all = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }))
            await admin.listOffsets({ topics: names.map((name) => ({ name, partitions: all })) })
          })
          return
        } catch (error) {
          if (attempt === 100) throw error
          await delay(200)
        }
      }
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
