// kafkajs against @platformatic/kafka, as BinGo uses a client: acks=all, idempotent, one request in flight.
// `node test/bench/kafka-clients.ts [records]`; the result stands in docs/kafka-client.md.
import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { startKafka } from '../support/servers/kafka.ts'

const RECORDS = Number(process.argv[2] ?? 200_000)
const PER_SEND = 1_800
const VALUE = JSON.stringify({ id: '3e11fa47-71ca-11e1-9e33-c80aa9429562:42/0', text: 'x'.repeat(340) })

interface Client {
  readonly name: string
  open(broker: string): Promise<void>
  send(topic: string, messages: { key: string; value: string }[]): Promise<unknown>
  close(): Promise<void>
}

function platformatic(): Client {
  let producer: Producer<string, string, string, string>
  return {
    name: '@platformatic/kafka',
    async open(broker) {
      producer = new Producer({
        clientId: 'bench',
        bootstrapBrokers: [broker],
        serializers: stringSerializers,
        acks: -1,
        idempotent: true,
      })
    },
    send: (topic, messages) => producer.send({ messages: messages.map((message) => ({ ...message, topic })) }),
    close: () => producer.close(),
  }
}

function kafkajs(): Client {
  let producer: ReturnType<Kafka['producer']>
  return {
    name: 'kafkajs',
    async open(broker) {
      producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer({
        idempotent: true,
        maxInFlightRequests: 1,
      })
      await producer.connect()
    },
    send: (topic, messages) => producer.send({ topic, acks: -1, messages }),
    close: () => producer.disconnect(),
  }
}

await using server = await startKafka()
const admin = new Admin({ clientId: 'bench', bootstrapBrokers: [server.url] })
for (const [round, make] of [kafkajs, platformatic, kafkajs, platformatic].entries()) {
  const topic = `bench-${round}`
  await admin.createTopics({ topics: [topic], partitions: 4, replicas: 1 })
  const client = make()
  await client.open(server.url)
  await client.send(topic, [{ key: 'warm', value: 'up' }])
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  for (let sent = 0; sent < RECORDS; sent += PER_SEND) {
    const count = Math.min(PER_SEND, RECORDS - sent)
    await client.send(
      topic,
      Array.from({ length: count }, (_, i) => ({ key: String(sent + i), value: VALUE })),
    )
  }
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  console.log(
    `${client.name.padEnd(20)} ${Math.round(RECORDS / seconds).toLocaleString()} records/s, ` +
      `${((user + system) / 1e6).toFixed(2)} CPU s for ${RECORDS.toLocaleString()} records of ${VALUE.length} bytes`,
  )
  await client.close()
}
await admin.close()
