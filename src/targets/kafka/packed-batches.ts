import { compress } from '../../clients/kafka.ts'
import { murmur2 } from '../../clients/kafka/murmur2.ts'
import type { PartitionBatch } from '../../clients/kafka/produce-request.ts'
import { headerBytes, RecordBatch, textBytes } from '../../clients/kafka/record-batch.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import type { ActionPlan, Sendable } from '../../model/rule/action.ts'
import { messageId, messageIdEnding, SAFE_CODES } from '../plan/message-id.ts'
import type { KafkaActionOptions, KafkaPayload } from './options.ts'

/** Brokers take 1 MB per batch by default (message.max.bytes), headers and framing included. */
const MAX_BYTES = 900_000
const CONTENT_TYPE = 'content-type'
const EVENT_ID = 'bingo-event-id'
const MESSAGE_ID = 'bingo-message-id'
/** Written here, whoever names them. */
const OWN_HEADERS = new Set([CONTENT_TYPE, EVENT_ID, MESSAGE_ID])
const EVENT_ID_BYTES = textBytes(EVENT_ID)
const MESSAGE_ID_BYTES = textBytes(MESSAGE_ID)
const NO_BYTES = Buffer.alloc(0)
const ASCII = new Uint8Array(128).fill(1)
const NO_PARTS = { contentType: NO_BYTES, idEnding: NO_BYTES }
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

/** What the headers of all records of an action have in common. */
interface HeaderParts {
  readonly contentType: Buffer
  readonly idEnding: Buffer
}

/** Writes jobs as batches of records, and keeps the buffers. */
export class BatchPacker {
  readonly #now: () => number
  readonly #parts = new WeakMap<ActionPlan, HeaderParts>()
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
    let action: ActionPlan | null = null
    let parts: HeaderParts = NO_PARTS
    let known: string | null = null
    let partitions: (OpenBatch | undefined)[] = []
    let partitionCount = 0
    for (const index of indexes) {
      const job = jobs[index]!
      // Neighbours mostly are of one action, and go to one topic.
      if (job.action !== action) parts = this.#partsOf((action = job.action))
      const { topic, key } = job.payload as KafkaPayload
      const { compression } = action.options as KafkaActionOptions
      if (topic !== known) {
        known = topic
        partitionCount = partitionsOf(topic)
        partitions = open.get(topic) ?? []
        open.set(topic, partitions)
      }
      const partition = this.#hash(key) % partitionCount
      let batch = partitions[partition]
      if (batch !== undefined && batch.compression === compression) {
        const { count, size } = batch.records
        writeRecords(batch.records, job, parts)
        if (batch.records.size <= MAX_BYTES) {
          batch.indexes.push(index)
          continue
        }
        batch.records.rewind(count, size)
      }
      batch = { topic, partition, compression, records: this.#idle.pop() ?? new RecordBatch(), indexes: [index] }
      partitions[partition] = batch
      closed.push(batch)
      writeRecords(batch.records, job, parts)
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

  #partsOf(action: ActionPlan): HeaderParts {
    let parts = this.#parts.get(action)
    if (parts === undefined) {
      parts = {
        contentType: headerBytes(CONTENT_TYPE, (action.options as KafkaActionOptions).contentType),
        idEnding: Buffer.from(messageIdEnding(action)),
      }
      this.#parts.set(action, parts)
    }
    return parts
  }

  #hash(key: string): number {
    const { length } = key
    if (3 * length > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(3 * length)
    const bytes = this.#scratch
    for (let i = 0; i < length; i++) {
      const unit = key.charCodeAt(i)
      if (unit > 0x7f) return murmur2(bytes, 0, bytes.write(key))
      bytes[i] = unit
    }
    return murmur2(bytes, 0, length)
  }
}

/** At most one batch for each partition in a round, in order. */
export function roundsOf(batches: readonly PackedBatch[]): PackedBatch[][] {
  const rounds: PackedBatch[][] = []
  for (const queue of Map.groupBy(batches, ({ topic, partition }) => `${partition} ${topic}`).values()) {
    for (const [round, batch] of queue.entries()) (rounds[round] ??= []).push(batch)
  }
  return rounds
}

function writeRecords(records: RecordBatch, job: Sendable, parts: HeaderParts): void {
  const { value, tombstone } = job.payload as KafkaPayload
  writeRecord(records, job, value, parts)
  if (value !== null && tombstone === true) writeRecord(records, job, null, parts)
}

/** A record without a value says nothing of its type. */
function writeRecord(records: RecordBatch, job: Sendable, value: Content | null, parts: HeaderParts): void {
  const { key, headers } = job.payload as KafkaPayload
  const { id, action } = job
  const names = ownNames(headers)
  const type = headers[CONTENT_TYPE]
  const isTyped = type !== undefined || value !== null
  records.begin(key, value, names.length + (isTyped ? 3 : 2))
  if (type !== undefined) records.header(CONTENT_TYPE, type)
  else if (isTyped) records.fixedHeader(parts.contentType)
  for (const name of names) records.header(name, headers[name]!)
  if (!records.joinedHeader(EVENT_ID_BYTES, id, ASCII, NO_BYTES)) records.header(EVENT_ID, id)
  const isSafe = action.idIsWhole !== true && records.joinedHeader(MESSAGE_ID_BYTES, id, SAFE_CODES, parts.idEnding)
  if (!isSafe) records.header(MESSAGE_ID, messageId(id, action))
  records.end()
}

const NO_NAMES: readonly string[] = []

function ownNames(headers: KafkaPayload['headers']): readonly string[] {
  for (const _ in headers) return Object.keys(headers).filter((name) => !OWN_HEADERS.has(name))
  return NO_NAMES
}
