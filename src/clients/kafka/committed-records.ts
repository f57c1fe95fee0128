import { EARLIEST, LATEST, openConsumer, UNCOMMITTED } from './kafka.ts'
import type { KafkaConnection } from './kafka.ts'

const FETCH_BYTES = 8 << 20
const FETCH_WAIT_MS = 100
const ANY_EPOCH = -1
/** Attributes of batches. */
const [IS_TRANSACTIONAL, IS_CONTROL] = [0b1_0000, 0b10_0000]
const ABORT = 0

export interface CommittedRecord {
  readonly key: string
  readonly value: Buffer | null
}

/** What a fetch brings of a partition (kafka.apache.org/protocol, "Fetch API"). */
interface FetchedPartition {
  readonly abortedTransactions?: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
  readonly records?: readonly FetchedBatch[]
}

interface FetchedBatch {
  readonly firstOffset: bigint
  readonly lastOffsetDelta: number
  readonly attributes: number
  readonly producerId: bigint
  readonly records: readonly {
    readonly offsetDelta: number
    readonly key: Buffer | null
    readonly value: Buffer | null
  }[]
}

/**
 * Reads the only partition of a topic from its first record to its end, without what belongs to transactions that were
 * undone. Waits for those that are open. Rejects with the signal's reason.
 */
export async function* committedRecords(
  connection: KafkaConnection,
  topic: string,
  signal: AbortSignal,
): AsyncGenerator<CommittedRecord> {
  const consumer = openConsumer(connection)
  consumer.topics.track(topic)
  try {
    const metadata = await consumer.metadata({ topics: [topic], autocreateTopics: false, forceUpdate: true })
    const { id: topicId, partitions } = metadata.topics.get(topic)!
    const offset = async (timestamp: bigint): Promise<bigint> =>
      (await consumer.listOffsets({ topics: [topic], timestamp, isolationLevel: UNCOMMITTED })).get(topic)![0]!
    const end = await offset(LATEST)
    for (let at = await offset(EARLIEST); at < end;) {
      signal.throwIfAborted()
      const epochs = { currentLeaderEpoch: ANY_EPOCH, lastFetchedEpoch: ANY_EPOCH }
      const fetched = { partition: 0, fetchOffset: at, partitionMaxBytes: FETCH_BYTES, ...epochs }
      const { responses } = await consumer.fetch({
        node: partitions[0]!.leader,
        topics: [{ topicId, partitions: [fetched] }],
        minBytes: 1,
        maxBytes: FETCH_BYTES,
        maxWaitTime: FETCH_WAIT_MS,
      })
      const partition = responses[0]?.partitions[0] as FetchedPartition | undefined
      if (partition === undefined) continue
      yield* committedOf(partition, at)
      const last = partition.records?.at(-1)
      if (last !== undefined) at = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
    }
  } finally {
    await consumer.close(true)
  }
}

/** The client leaves out the last undone transaction of each producer only. */
function* committedOf({ abortedTransactions, records }: FetchedPartition, from: bigint): Generator<CommittedRecord> {
  const undone = [...(abortedTransactions ?? [])].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  /** Producers within a transaction that was undone. */
  const open = new Set<bigint>()
  for (const batch of records ?? []) {
    while (undone.length > 0 && undone[0]!.firstOffset <= batch.firstOffset) open.add(undone.shift()!.producerId)
    if ((batch.attributes & IS_CONTROL) !== 0) {
      if (batch.records[0]?.key?.readInt16BE(2) === ABORT) open.delete(batch.producerId)
      continue
    }
    if ((batch.attributes & IS_TRANSACTIONAL) !== 0 && open.has(batch.producerId)) continue
    for (const { offsetDelta, key, value } of batch.records) {
      // A batch begins before the offset that was asked for.
      if (batch.firstOffset + BigInt(offsetDelta) >= from) yield { key: key?.toString() ?? '', value }
    }
  }
}
