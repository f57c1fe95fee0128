import type { BytesConsumer } from '../../../clients/kafka/kafka.ts'
import type { BrokerRecord } from '../contract.ts'
import type { KafkaLease } from './group-member.ts'

const FETCH_BYTES = 4 << 20
const PARTITION_BYTES = 1 << 20
const FETCH_WAIT_MS = 200
const ANY_EPOCH = -1
/** Of a batch that says how a transaction ended. */
const IS_CONTROL = 0b100000
/** Of a batch whose records have the time when the broker stored them. */
const IS_APPEND_TIME = 0b1000

export interface FetchedPart {
  readonly lease: KafkaLease
  readonly records: readonly BrokerRecord[]
  /** The last offset that was looked at. */
  readonly last: bigint
}

/** The next records of these partitions, each in its order. Rejects with the client's error. */
export async function fetchRecords(consumer: BytesConsumer, leases: readonly KafkaLease[]): Promise<FetchedPart[]> {
  const topics = [...new Set(leases.map(({ topic }) => topic))]
  const metadata = await consumer.metadata({ topics, autocreateTopics: false })
  const byLeader = Map.groupBy(
    leases,
    ({ topic, partition }) => metadata.topics.get(topic)?.partitions[partition]?.leader,
  )
  const fetched: FetchedPart[] = []
  await Promise.all(
    [...byLeader].map(async ([node, ofNode]) => {
      if (node === undefined) return
      const byTopic = Map.groupBy(ofNode, ({ topic }) => metadata.topics.get(topic)!.id)
      const requests = [...byTopic].map(([topicId, parts]) => ({ topicId, partitions: parts.map(requestOf) }))
      const { responses } = await consumer.fetch({
        node,
        topics: requests,
        minBytes: 1,
        maxBytes: FETCH_BYTES,
        maxWaitTime: FETCH_WAIT_MS,
      })
      for (const { topicId, partitions } of responses) {
        for (const part of partitions) {
          const lease = byTopic.get(topicId)?.find(({ partition }) => partition === part.partitionIndex)
          if (lease === undefined) continue
          lease.end = part.lastStableOffset >= 0n ? part.lastStableOffset : part.highWatermark
          const found = readBatches(lease, part.records ?? [])
          if (found !== null) fetched.push(found)
        }
      }
    }),
  )
  return fetched
}

function requestOf({ partition, next }: KafkaLease) {
  return {
    partition,
    fetchOffset: next!,
    currentLeaderEpoch: ANY_EPOCH,
    lastFetchedEpoch: ANY_EPOCH,
    partitionMaxBytes: PARTITION_BYTES,
  }
}

type Batch = NonNullable<
  Awaited<ReturnType<BytesConsumer['fetch']>>['responses'][number]['partitions'][number]['records']
>[number]

function readBatches(lease: KafkaLease, batches: readonly Batch[]): FetchedPart | null {
  const records: BrokerRecord[] = []
  const from = lease.next!
  let last = from - 1n
  for (const batch of batches) {
    const end = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    if (end > last) last = end
    if ((batch.attributes & IS_CONTROL) !== 0) continue
    for (const record of batch.records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta)
      // A batch begins before the offset that was asked for.
      if (offset < from) continue
      records.push(recordOf(lease, batch, record, offset))
    }
  }
  return last < from ? null : { lease, records, last }
}

function recordOf(
  { topic, part }: KafkaLease,
  batch: Batch,
  record: Batch['records'][number],
  offset: bigint,
): BrokerRecord {
  const isAppendTime = (batch.attributes & IS_APPEND_TIME) !== 0
  const at = isAppendTime ? batch.maxTimestamp : batch.firstTimestamp + BigInt(record.timestampDelta)
  const headers = new Map<string, string>()
  for (const [name, value] of record.headers)
    headers.set(String(name).toLowerCase(), value === null ? '' : String(value))
  return {
    topic,
    part,
    place: String(offset),
    at: Math.max(0, Number(at)),
    key: record.key,
    value: record.value,
    headers,
  }
}
