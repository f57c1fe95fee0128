/** A finished batch (record-batch.ts) for one partition. */
export interface PartitionBatch {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly bytes: Buffer
}

/** From this version on lengths are varints, and each structure ends with its tagged fields. */
const FIRST_FLEXIBLE = 9
const ALL_REPLICAS = -1
const NO_TAGS = 0

export function isFlexible(version: number): boolean {
  return version >= FIRST_FLEXIBLE
}

/**
 * Body of a Produce request in pieces, versions 3 to 12 (kafka.apache.org/protocol, "Produce API"): the batches are not
 * copied. One batch per partition at most.
 */
export function produceRequest(
  version: number,
  batches: readonly PartitionBatch[],
  timeoutMs: number,
  transactionalId: string | null,
): Buffer[] {
  const pieces: Buffer[] = []
  const form = isFlexible(version) ? COMPACT : CLASSIC
  const topics = byTopic(batches)
  const head = Buffer.alloc(6)
  head.writeInt16BE(ALL_REPLICAS, 0)
  head.writeInt32BE(timeoutMs, 2)
  pieces.push(form.text(transactionalId), head, form.count(topics.size))
  for (const [topic, itsBatches] of topics) {
    pieces.push(form.text(topic), form.count(itsBatches.length))
    for (const { partition, bytes } of itsBatches) {
      const index = Buffer.alloc(4)
      index.writeInt32BE(partition)
      pieces.push(index, form.size(bytes.length), bytes, form.end)
    }
    pieces.push(form.end)
  }
  pieces.push(form.end)
  return pieces
}

/** How lengths are written, and structures end. */
interface Form {
  text(text: string | null): Buffer
  count(count: number): Buffer
  size(bytes: number): Buffer
  readonly end: Buffer
}

const CLASSIC: Form = {
  text(text) {
    const bytes = Buffer.from(text ?? '')
    const length = Buffer.alloc(2)
    length.writeInt16BE(text === null ? -1 : bytes.length)
    return Buffer.concat([length, bytes])
  },
  count: int32,
  size: int32,
  end: Buffer.alloc(0),
}

/** One more than the length is written: nothing is 0. */
const COMPACT: Form = {
  text(text) {
    const bytes = Buffer.from(text ?? '')
    return Buffer.concat([unsignedVarint(text === null ? 0 : bytes.length + 1), bytes])
  },
  count: (count) => unsignedVarint(count + 1),
  size: (bytes) => unsignedVarint(bytes + 1),
  end: Buffer.from([NO_TAGS]),
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}

function byTopic(batches: readonly PartitionBatch[]): Map<string, PartitionBatch[]> {
  const topics = new Map<string, PartitionBatch[]>()
  for (const batch of batches) {
    const others = topics.get(batch.topic)
    if (others === undefined) topics.set(batch.topic, [batch])
    else others.push(batch)
  }
  return topics
}
