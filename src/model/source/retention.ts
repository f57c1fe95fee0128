/** How much a server still holds that is not finished, and when it may purge it. */
export interface Retention {
  /** Bytes of binlog from the checkpoint to the end. */
  readonly backlogBytes: number
  /** How long the server keeps binlogs; null = it does not purge by time. */
  readonly keptMs: number | null
  /** Until it may purge what is needed next; null = never by time, or by size. */
  readonly headroomMs: number | null
  readonly headroomBytes: number | null
}

/** Less than this part of what the server keeps is left. */
const NEAR = 1 / 4

export function isPurgeNear({ keptMs, headroomMs, headroomBytes, backlogBytes }: Retention): boolean {
  if (keptMs !== null && headroomMs !== null && headroomMs < keptMs * NEAR) return true
  return headroomBytes !== null && headroomBytes < (headroomBytes + backlogBytes) * NEAR
}
