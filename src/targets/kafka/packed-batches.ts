import { compress } from '../../clients/kafka/kafka.ts'
import { murmur2 } from '../../clients/kafka/murmur2.ts'
import type { PartitionBatch } from '../../clients/kafka/produce-request.ts'
import { RecordBatch, textBytes } from '../../clients/kafka/record-batch.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import type { Sendable } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { messageId, SAFE_CODES } from '../plan/message-id.ts'
import type { KafkaActionOptions, KafkaPayload } from './options.ts'
import { CONTENT_TYPE, EVENT_ID, MESSAGE_ID, OwnHeaders } from './own-headers.ts'

/** Brokers take 1 MB per batch by default (message.max.bytes), headers and framing included. */
const MAX_BYTES = 900_000
/** Written here, whoever names them. */
const OWN_HEADERS = new Set([CONTENT_TYPE, EVENT_ID, MESSAGE_ID])
const EVENT_ID_BYTES = textBytes(EVENT_ID)
const MESSAGE_ID_BYTES = textBytes(MESSAGE_ID)
const NO_BYTES = Buffer.alloc(0)
const ASCII = new Uint8Array(128).fill(1)
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
  readonly #headers = new WeakMap<ActionPlan, OwnHeaders>()
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
    let headers: OwnHeaders | null = null
    let known: string | null = null
    let partitions: (OpenBatch | undefined)[] = []
    let partitionCount = 0
    for (const index of indexes) {
      const job = jobs[index]!
      // Neighbours mostly are of one action, and go to one topic.
      if (headers === null || job.action !== action) headers = this.#headersOf((action = job.action))
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
        writeRecords(batch.records, job, headers)
        if (batch.records.size <= MAX_BYTES) {
          batch.indexes.push(index)
          continue
        }
        batch.records.rewind(count, size)
      }
      batch = { topic, partition, compression, records: this.#idle.pop() ?? new RecordBatch(), indexes: [index] }
      partitions[partition] = batch
      closed.push(batch)
      writeRecords(batch.records, job, headers)
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

  #headersOf(action: ActionPlan): OwnHeaders {
    let headers = this.#headers.get(action)
    if (headers === undefined) this.#headers.set(action, (headers = new OwnHeaders(action)))
    return headers
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

function writeRecords(records: RecordBatch, job: Sendable, own: OwnHeaders): void {
  const { value, tombstone } = job.payload as KafkaPayload
  writeRecord(records, job, value, own)
  if (value !== null && tombstone === true) writeRecord(records, job, null, own)
}

/** A record without a value says nothing of its type. */
function writeRecord(records: RecordBatch, job: Sendable, value: Content | null, own: OwnHeaders): void {
  const { key, headers } = job.payload as KafkaPayload
  const names = ownNames(headers)
  const type = headers[CONTENT_TYPE]
  const isTyped = type !== undefined || value !== null
  records.begin(key, value, names.length + (isTyped ? 3 : 2))
  const ofRow = names.length === 0 && type === undefined ? own.ofRow(job, isTyped) : null
  if (ofRow === null) writeHeaders(records, job, names, isTyped, own)
  else records.fixedHeaders(ofRow)
  records.end()
}

function writeHeaders(
  records: RecordBatch,
  { id, action, payload }: Sendable,
  names: readonly string[],
  isTyped: boolean,
  own: OwnHeaders,
): void {
  const { headers } = payload as KafkaPayload
  const type = headers[CONTENT_TYPE]
  if (type !== undefined) records.header(CONTENT_TYPE, type)
  else if (isTyped) records.fixedHeaders(own.contentType)
  for (const name of names) records.header(name, headers[name]!)
  if (!records.joinedHeader(EVENT_ID_BYTES, id, ASCII, NO_BYTES)) records.header(EVENT_ID, id)
  const isSafe = action.idIsWhole !== true && records.joinedHeader(MESSAGE_ID_BYTES, id, SAFE_CODES, own.idEnding)
  if (!isSafe) records.header(MESSAGE_ID, messageId(id, action))
}

const NO_NAMES: readonly string[] = []

function ownNames(headers: KafkaPayload['headers']): readonly string[] {
  for (const _ in headers) return Object.keys(headers).filter((name) => !OWN_HEADERS.has(name))
  return NO_NAMES
}
