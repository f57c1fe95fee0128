import type { Sendable } from '../../model/rule/action.ts'
import type { KafkaActionOptions, KafkaPayload } from './options.ts'

/** Brokers take 1 MB per batch by default (message.max.bytes), headers and framing included. */
const MAX_BYTES = 900_000
/** About what a record costs beside key and value. */
const RECORD_OVERHEAD = 100

/** Records for one topic that go in one request: indexes into the jobs of a send, in order. */
export interface Chunk {
  readonly topic: string
  readonly compression: KafkaActionOptions['compression']
  readonly indexes: readonly number[]
}

/**
 * Splits a send by topic, so that trouble with one does not touch another, and by size. The chunks of a topic are in
 * order and sent one after the other.
 */
export function planChunks(jobs: readonly Sendable[]): Chunk[] {
  const open = new Map<string, { chunk: Chunk & { indexes: number[] }; bytes: number }>()
  const chunks: Chunk[] = []
  for (const [index, job] of jobs.entries()) {
    const { topic, key, value } = job.payload as KafkaPayload
    const { compression } = job.action.options as KafkaActionOptions
    const bytes = Buffer.byteLength(key) + Buffer.byteLength(value ?? '') + RECORD_OVERHEAD
    let current = open.get(topic)
    if (!current || current.bytes + bytes > MAX_BYTES || current.chunk.compression !== compression) {
      current = { chunk: { topic, compression, indexes: [] }, bytes: 0 }
      open.set(topic, current)
      chunks.push(current.chunk)
    }
    current.chunk.indexes.push(index)
    current.bytes += bytes
  }
  return chunks
}
