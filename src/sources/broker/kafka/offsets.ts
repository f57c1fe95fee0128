import { EARLIEST, LATEST, type BytesConsumer } from '../../../clients/kafka/kafka.ts'
import type { BrokerStart } from '../start.ts'
import type { KafkaLease } from './group-member.ts'

/** Of a partition of which the group has committed nothing. */
const NONE = -1n

export interface Range {
  /** Of the first record that is there, and behind the last one. */
  readonly first: bigint
  readonly end: bigint
}

/** By part: from where to where there are records. */
export async function rangesOf(
  consumer: BytesConsumer,
  leases: readonly KafkaLease[],
): Promise<ReadonlyMap<string, Range>> {
  const options = partitionsOf(leases)
  const [first, end] = [
    await consumer.listOffsets({ ...options, timestamp: EARLIEST }),
    await consumer.listOffsets({ ...options, timestamp: LATEST }),
  ]
  return new Map(
    leases.map(({ part, topic, partition }) => [
      part,
      { first: first.get(topic)?.[partition] ?? 0n, end: end.get(topic)?.[partition] ?? 0n },
    ]),
  )
}

/** By part: what the group has committed; nothing for parts of which it has not. */
export async function committedOf(
  consumer: BytesConsumer,
  topics: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, bigint>> {
  const asked = [...topics].map(([topic, count]) => ({ topic, partitions: Array.from({ length: count }, (_, i) => i) }))
  const committed = new Map<string, bigint>()
  for (const [topic, offsets] of await consumer.listCommittedOffsets({ topics: asked })) {
    offsets.forEach((offset, partition) => {
      if (offset !== undefined && offset > NONE) committed.set(`${topic}/${partition}`, offset)
    })
  }
  return committed
}

/** By part: where a first start begins. */
export async function startsOf(
  consumer: BytesConsumer,
  leases: readonly KafkaLease[],
  start: BrokerStart,
  ranges: ReadonlyMap<string, Range>,
): Promise<ReadonlyMap<string, bigint>> {
  const rangeOf = ({ part }: KafkaLease): Range => ranges.get(part)!
  if (start.tag === 'earliest') return new Map(leases.map((lease) => [lease.part, rangeOf(lease).first]))
  if (start.tag === 'latest') return new Map(leases.map((lease) => [lease.part, rangeOf(lease).end]))
  const found = await consumer.listOffsetsWithTimestamps({ ...partitionsOf(leases), timestamp: BigInt(start.ms) })
  return new Map(
    leases.map((lease) => {
      const offset = found.get(lease.topic)?.get(lease.partition)?.offset
      return [lease.part, offset === undefined || offset < 0n ? rangeOf(lease).end : offset]
    }),
  )
}

function partitionsOf(leases: readonly KafkaLease[]) {
  const byTopic = Map.groupBy(leases, ({ topic }) => topic)
  const partitions = [...byTopic].map(([topic, parts]) => [topic, parts.map(({ partition }) => partition)] as const)
  return { topics: [...byTopic.keys()], partitions: Object.fromEntries(partitions) }
}
