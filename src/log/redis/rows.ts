import { decodeEnvelope } from '../../model/event/forms/event-codec.ts'
import type { EventProgress } from '../../model/event/posted/event-record.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import type { Kept } from '../posting.ts'
import { knownProgress, readProgress } from '../progress.ts'

/** An event as it was read, to be changed if it is still the same. */
export interface StoredEvent {
  readonly kept: Kept
  /** As they stand in Redis. */
  readonly meta: string
  readonly progress: string
  readonly partition: string
}

export function storedEvent(meta: string, body: string, progress: string): StoredEvent {
  const [seq, place, createdAt, bytes, partition] = meta.split(' ')
  const event = decodeEnvelope(Buffer.from(body))
  const kept = {
    seq: Number(seq),
    place: Number(place),
    bytes: Number(bytes),
    event,
    progress: readProgress(progressJson(progress), Number(createdAt), event.id),
  }
  return { kept, meta, progress, partition: partition! }
}

/** The status in front of the JSON: scripts look at nothing else. */
export function progressText(progress: EventProgress): string {
  return `${progress.status} ${JSON.stringify(progress)}`
}

/** Of an event whose progress is to be advanced. */
export function progressOf(meta: string, progress: string): EventProgress {
  return knownProgress(progressJson(progress), Number(meta.split(' ')[2]))
}

function progressJson(text: string): string | null {
  return text === '' ? null : text.slice(text.indexOf(' ') + 1)
}

/** An entry, and who may read it. */
export interface PlacedEntry extends LogEntry {
  readonly partition: number
}

export function entryOf(place: string, partition: string, appendedAt: string, body: string): PlacedEntry {
  const payload = Buffer.from(body)
  const event = decodeEnvelope(payload)
  const { id, type, key, source, timestamp } = event
  return {
    id,
    type,
    key,
    source,
    at: timestamp,
    payload,
    event,
    place,
    appendedAt: Number(appendedAt),
    partition: Number(partition),
  }
}

/** Its order is kept by whoever reads a partition; there are as many for good, since what is stored is divided by it. */
export const PARTITIONS = 64

/** What has a key keeps its order; what has none may go anywhere. */
export function partitionOf(key: string | null, name: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(key ?? name)) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0) % PARTITIONS
}
