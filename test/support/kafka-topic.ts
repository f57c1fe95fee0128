import { randomUUID } from 'node:crypto'
import { Consumer, stringDeserializers } from '@platformatic/kafka'

export interface TopicRecord {
  readonly key: string
  readonly value: string
  readonly partition: number
  readonly headers: { readonly [name: string]: string }
}

/** Nothing more is in the topic when nothing came for this long. */
const IDLE_MS = 3_000
const FIRST_MS = 15_000

/** Everything in a topic, partition by partition in order; ends at once when `count` is given and reached. */
export async function readTopic(
  brokers: readonly string[],
  topic: string,
  count = Number.POSITIVE_INFINITY,
): Promise<TopicRecord[]> {
  const consumer = new Consumer({
    groupId: `test-${randomUUID()}`,
    clientId: 'test',
    bootstrapBrokers: [...brokers],
    deserializers: stringDeserializers,
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
  const records: TopicRecord[] = []
  const end = (): void => void stream.close()
  let idle = setTimeout(end, FIRST_MS)
  for await (const message of stream) {
    const headers = Object.fromEntries(message.headers)
    records.push({ key: message.key, value: message.value, partition: message.partition, headers })
    if (records.length === count) break
    clearTimeout(idle)
    idle = setTimeout(end, IDLE_MS)
  }
  clearTimeout(idle)
  await stream.close()
  await consumer.close(true)
  return records
}
