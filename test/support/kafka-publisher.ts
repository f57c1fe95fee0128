import { type KafkaConnection, openAdmin, openConsumer } from '../../src/clients/kafka/kafka.ts'
import { openProducer } from './kafka-producer.ts'

export interface Published {
  readonly topic: string
  readonly key?: string | undefined
  readonly value?: string | undefined
  readonly partition?: number | undefined
  readonly headers?: { readonly [name: string]: string } | undefined
  readonly timestamp?: bigint | undefined
}

/** Topics as others have and fill them. */
export class KafkaPublisher implements AsyncDisposable {
  private readonly connection: KafkaConnection
  private readonly admin: ReturnType<typeof openAdmin>
  private readonly producer: ReturnType<typeof openProducer>

  constructor(port: number) {
    this.connection = { clientId: 'test', bootstrapBrokers: [`127.0.0.1:${port}`], retries: 20, retryDelay: 300 }
    this.admin = openAdmin(this.connection)
    this.producer = openProducer({ ...this.connection, acks: -1 })
  }

  async make(topic: string, partitions = 3, config: { readonly [name: string]: string } = {}): Promise<void> {
    const configs = Object.entries(config).map(([name, value]) => ({ name, value }))
    await this.admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
  }

  async publish(...messages: readonly Published[]): Promise<void> {
    await this.producer.send({ messages: messages as never, acks: -1 })
  }

  async drop(topic: string): Promise<void> {
    await this.admin.deleteTopics({ topics: [topic] })
  }

  /** Removes what is before this offset. */
  async trim(topic: string, partition: number, offset: bigint): Promise<void> {
    const partitions = [{ partition, partitionIndex: partition, offset }]
    await this.admin.deleteRecords({ topics: [{ name: topic, partitions }] })
  }

  /** What a group has committed, by partition; -1: nothing. */
  async committed(groupId: string, topic: string, partitions: number): Promise<readonly bigint[]> {
    const groups = await this.admin.listConsumerGroupOffsets({ groups: [groupId] } as never)
    const found: bigint[] = Array.from({ length: partitions }, () => -1n)
    for (const group of groups as never as {
      topics: { name: string; partitions: { partitionIndex: number; committedOffset: bigint }[] }[]
    }[]) {
      for (const each of group.topics.filter(({ name }) => name === topic)) {
        for (const { partitionIndex, committedOffset } of each.partitions) found[partitionIndex] = committedOffset
      }
    }
    return found
  }

  async ends(topic: string): Promise<readonly bigint[]> {
    const consumer = openConsumer(this.connection)
    consumer.topics.track(topic)
    try {
      return (await consumer.listOffsets({ topics: [topic], timestamp: -1n })).get(topic)!
    } finally {
      await consumer.close(true)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.producer.close(true).catch(() => undefined)
    await this.admin.close().catch(() => undefined)
  }
}
