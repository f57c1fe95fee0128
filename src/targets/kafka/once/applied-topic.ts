import { crc32 } from 'node:zlib'
import { compress, openAdmin, type KafkaConnection } from '../../../clients/kafka/kafka.ts'
import { committedRecords } from '../../../clients/kafka/committed-records.ts'
import type { PartitionBatch } from '../../../clients/kafka/produce-request.ts'
import { RecordBatch } from '../../../clients/kafka/record-batch.ts'
import type { DeliveryRun } from '../../../model/delivery/delivery-run.ts'
import { AppliedEvents } from './applied-events.ts'
import { FencedError } from './fenced-error.ts'

/** One for all instances; compacted, of one partition. */
export const APPLIED_TOPIC = 'bingo.exactly-once'
const CONFIGS = [
  { name: 'cleanup.policy', value: 'compact' },
  // What is open is never compacted: it would be read at each start.
  { name: 'segment.bytes', value: String(16 << 20) },
]
const EPOCH = 'epoch'
const KEPT = 'kept/'
const SLOT = 'slot/'

/** Value of a record of a slot. */
interface Slot {
  readonly ids: readonly string[]
}

/** Names one target of one instance, in transactions and in keys: data of different ones must not meet. */
export function ownerName(run: DeliveryRun, targetId: string): string {
  return `${run.name}/${crc32(targetId).toString(16)}`
}

/**
 * The record of what was sent, in the topics' own cluster: each transaction holds, beside its records, which events they
 * are of. Readers of what is committed see both or none, and so does the next start.
 */
export class AppliedTopic {
  readonly #owner: string
  readonly #run: DeliveryRun

  constructor(owner: string, run: DeliveryRun) {
    this.#owner = owner
    this.#run = run
  }

  /** Makes the topic where there is none. */
  async create(connection: KafkaConnection): Promise<void> {
    const admin = openAdmin(connection)
    try {
      if ((await admin.listTopics()).includes(APPLIED_TOPIC)) return
      await admin.createTopics({ topics: [APPLIED_TOPIC], partitions: 1, replicas: -1, configs: CONFIGS })
    } catch (error) {
      // Another instance starts at the same time.
      if (!JSON.stringify(error).includes('TOPIC_ALREADY_EXISTS')) throw error
    } finally {
      await admin.close()
    }
  }

  /** What was sent by this run and by those before it. Rejects with FencedError where a later run has begun. */
  async read(connection: KafkaConnection, signal: AbortSignal): Promise<AppliedEvents> {
    const applied = new AppliedEvents(this.#run.window)
    const prefix = `${this.#owner}/`
    for await (const { key, value } of committedRecords(connection, APPLIED_TOPIC, signal)) {
      if (!key.startsWith(prefix)) continue
      const name = key.slice(prefix.length)
      if (name.startsWith(KEPT)) applied.keep(name.slice(KEPT.length), value !== null)
      else if (name.startsWith(SLOT) && value !== null) {
        applied.found(Number(name.slice(SLOT.length)), (JSON.parse(value.toString()) as Slot).ids)
      } else if (name === EPOCH && this.#run.epoch !== null && Number(value) > this.#run.epoch) {
        throw new FencedError(Number(value), this.#run.epoch)
      }
    }
    return applied
  }

  /** Says that this run has begun. */
  begun(): Promise<PartitionBatch> {
    return this.#batch([[EPOCH, String(this.#run.epoch)]])
  }

  sent(slot: number, ids: readonly string[]): Promise<PartitionBatch> {
    return this.#batch([[`${SLOT}${slot}`, JSON.stringify({ ids })]])
  }

  /** Known until they are forgotten by name. */
  kept(ids: readonly string[]): Promise<PartitionBatch> {
    return this.#batch(ids.map((id) => [`${KEPT}${id}`, '1']))
  }

  forgotten(ids: readonly string[]): Promise<PartitionBatch> {
    return this.#batch(ids.map((id) => [`${KEPT}${id}`, null]))
  }

  async #batch(records: readonly (readonly [name: string, value: string | null])[]): Promise<PartitionBatch> {
    const batch = new RecordBatch()
    for (const [name, value] of records) {
      batch.begin(`${this.#owner}/${name}`, value, 0)
      batch.end()
    }
    const bytes = await batch.finish('gzip', Date.now(), compress)
    return { topic: APPLIED_TOPIC, partition: 0, count: batch.count, bytes }
  }
}
