import { createHash } from 'node:crypto'
import type { EventName } from '../model/state/event-provider.ts'

/** What the unique index of every store holds easily. */
const MOST_BYTES = 700

/** An event's name as one key: printable ASCII where the names are, no two names have the same. */
export function keyOfName({ environment, id }: EventName): string {
  const key = JSON.stringify([environment, id])
  if (key.length * 3 <= MOST_BYTES || Buffer.byteLength(key) <= MOST_BYTES) return key
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}
