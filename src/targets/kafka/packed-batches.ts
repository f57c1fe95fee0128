import { compress } from '../../clients/kafka.ts'
import { murmur2 } from '../../clients/kafka/murmur2.ts'
import type { PartitionBatch } from '../../clients/kafka/produce-request.ts'
import { RecordBatch } from '../../clients/kafka/record-batch.ts'
import type { Sendable } from '../../model/rule/action.ts'
import { messageId } from '../plan/message-id.ts'
import type { KafkaActionOptions, KafkaPayload } from './options.ts'

/** Brokers take 1 MB per batch by default (message.max.bytes), headers and framing included. */
const MAX_BYTES = 900_000
const CONTENT_TYPE = 'content-type'
const EVENT_ID = 'bingo-event-id'
const MESSAGE_ID = 'bingo-message-id'
/** Written here, whoever names them. */
const OWN_HEADERS = new Set([CONTENT_TYPE, EVENT_ID, MESSAGE_ID])
/** Buffers that are kept for the next sends. */
const MOST_IDLE = 64

/** Records for one partition, and the jobs that they are of: indexes into a send, in order. */
export interface PackedBatch extends PartitionBatch {
  readonly indexes: readonly number[]
  readonly compression: KafkaActionOptions['compression']
  readonly records: RecordBatch
}

interface OpenBatch {
  readonly topic: string
  readonly partition: number
  readonly compression: KafkaActionOptions['compression']
  readonly records: RecordBatch
  readonly indexes: number[]
}

/** Writes jobs as batches of records, and keeps the buffers. */
export class BatchPacker {
  readonly #now: () => number
  readonly #idle: RecordBatch[] = []
  #scratch = Buffer.allocUnsafeSlow(1024)

  constructor(now: () => number) {
    this.#now = now
  }

  /** Batches of a partition are in the order of their jobs. */
  async pack(
    jobs: readonly Sendable[],
    indexes: Iterable<number>,
    partitionsOf: (topic: string) => number,
  ): Promise<PackedBatch[]> {
    const open = new Map<string, (OpenBatch | undefined)[]>()
    const closed: OpenBatch[] = []
    for (const index of indexes) {
      const job = jobs[index]!
      const { topic, key } = job.payload as KafkaPayload
      const { compression } = job.action.options as KafkaActionOptions
      const count = partitionsOf(topic)
      let partitions = open.get(topic)
      if (partitions === undefined) open.set(topic, (partitions = []))
      const partition = this.#hash(key) % count
      let batch = partitions[partition]
      const mark = batch?.records.mark()
      if (batch !== undefined && batch.compression === compression) {
        writeRecords(batch.records, job)
        if (batch.records.size <= MAX_BYTES) {
          batch.indexes.push(index)
          continue
        }
        batch.records.rewind(mark!)
      }
      batch = { topic, partition, compression, records: this.#idle.pop() ?? new RecordBatch(), indexes: [index] }
      partitions[partition] = batch
      closed.push(batch)
      writeRecords(batch.records, job)
    }
    const now = this.#now()
    return Promise.all(
      closed.map(async (batch) => ({
        ...batch,
        count: batch.records.count,
        bytes: await batch.records.finish(batch.compression, now, compress),
      })),
    )
  }

  /** Nobody sends these any more, and no answer to them is waited for. */
  done(batches: readonly PackedBatch[]): void {
    for (const { records } of batches) {
      if (this.#idle.length >= MOST_IDLE) return
      records.reset()
      this.#idle.push(records)
    }
  }

  #hash(key: string): number {
    if (3 * key.length > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(3 * key.length)
    return murmur2(this.#scratch, 0, this.#scratch.write(key))
  }
}

function writeRecords(records: RecordBatch, job: Sendable): void {
  const { value, tombstone } = job.payload as KafkaPayload
  writeRecord(records, job, value)
  if (value !== null && tombstone === true) writeRecord(records, job, null)
}

/** A record without a value says nothing of its type. */
function writeRecord(records: RecordBatch, job: Sendable, value: string | null): void {
  const { key, headers } = job.payload as KafkaPayload
  const type = headers[CONTENT_TYPE] ?? (value === null ? null : (job.action.options as KafkaActionOptions).contentType)
  const names = Object.keys(headers).filter((name) => !OWN_HEADERS.has(name))
  records.begin(key, value, names.length + (type === null ? 2 : 3))
  if (type !== null) records.header(CONTENT_TYPE, type)
  for (const name of names) records.header(name, headers[name]!)
  records.header(EVENT_ID, job.id)
  records.header(MESSAGE_ID, messageId(job.id, job.action))
  records.end()
}
