import { randomUUID } from 'node:crypto'
import { Consumer, stringDeserializers } from '@platformatic/kafka'

export interface TopicRecord {
  readonly key: string
  readonly value: string
  readonly partition: number
  readonly headers: { readonly [name: string]: string }
}

/** Hang detection: what a daemon sends comes when it comes. */
const PATIENCE_MS = 120_000

/** What is in a topic, partition by partition in order, as soon as there are `count`; fewer when they do not come. */
export async function readTopic(brokers: readonly string[], topic: string, count: number): Promise<TopicRecord[]> {
  const consumer = new Consumer({
    groupId: `test-${randomUUID()}`,
    clientId: 'test',
    bootstrapBrokers: [...brokers],
    deserializers: stringDeserializers,
    // A broker that has just started knows its groups later than its topics, on a slow disk by many seconds.
    retries: true,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
  const records: TopicRecord[] = []
  const end = (): void => void stream.close()
  const patience = setTimeout(end, PATIENCE_MS)
  for await (const message of stream) {
    const headers = Object.fromEntries(message.headers)
    records.push({ key: message.key, value: message.value, partition: message.partition, headers })
    if (records.length === count) break
  }
  clearTimeout(patience)
  await stream.close()
  await consumer.close(true)
  return records
}
