import { createHash } from 'node:crypto'

/** Longest id that is written out: AMQP cuts longer ones at 255 bytes, and headers should not be much longer either. */
const MAX_READABLE = 200

/** A message id that a long rule id does not make too long for its place: a digest stands for it then. */
export function shortId(id: string): string {
  return id.length <= MAX_READABLE ? id : `event-${digest(id)}`
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
