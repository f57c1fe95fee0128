import { compress } from '../../clients/kafka/kafka.ts'
import type { KafkaConnection } from '../../clients/kafka/kafka.ts'
import { REQUEST_TIMEOUT_MS, RETRIES, RETRY_DELAY_MS } from '../../clients/kafka/connection.ts'
import { BatchProducer } from '../../clients/kafka/batch-producer.ts'
import { RecordBatch } from '../../clients/kafka/record-batch.ts'
import type { Content } from '../../model/event/bytes/content.ts'

/** A record as it is to be in a partition. */
export interface AppendedRecord {
  readonly partition: number
  readonly key: string | null
  readonly value: Content
  /** Headers as `headerBytes` makes them: once for all records that have the same. */
  readonly shared: readonly Buffer[]
  /** A header that no other record has. */
  readonly own: readonly [name: string, value: string] | null
}

/** Writes to one topic. Its own repetitions are dropped by the brokers, and stay in order. */
export class Appender {
  readonly #topic: string
  readonly #producer: BatchProducer
  /** By partition; each append reuses them. */
  readonly #batches = new Map<number, RecordBatch>()

  constructor(connection: KafkaConnection, topic: string) {
    this.#topic = topic
    this.#producer = new BatchProducer({
      connection,
      timeoutMs: REQUEST_TIMEOUT_MS,
      createTopics: false,
      tries: RETRIES,
      retryDelayMs: RETRY_DELAY_MS,
    })
  }

  async append(records: readonly AppendedRecord[]): Promise<void> {
    for (const { partition, key, value, shared, own } of records) {
      const batch = this.#batchOf(partition)
      batch.begin(key, value, shared.length + (own === null ? 0 : 1))
      for (const header of shared) batch.fixedHeaders(header)
      if (own !== null) batch.header(...own)
      batch.end()
    }
    const written = [...this.#batches].filter(([, { count }]) => count > 0)
    const finished = await Promise.all(
      written.map(async ([partition, batch]) => ({
        topic: this.#topic,
        partition,
        count: batch.count,
        bytes: await batch.finish('none', Date.now(), compress),
      })),
    )
    const errors = await this.#producer.send(finished)
    const failed = errors.find((error) => error !== null)
    if (failed) throw failed
    for (const [, batch] of written) batch.reset()
  }

  close(): Promise<void> {
    return this.#producer.close()
  }

  #batchOf(partition: number): RecordBatch {
    let batch = this.#batches.get(partition)
    if (batch === undefined) this.#batches.set(partition, (batch = new RecordBatch()))
    return batch
  }
}
