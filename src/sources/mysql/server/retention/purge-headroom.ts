import type { SourcePosition } from '../../../../model/source/position.ts'
import type { Retention } from '../../../../model/source/retention.ts'
import type { BinlogFile } from '../binlog-status.ts'

/** What a server says about how long it keeps its binlogs, and what we know of the files. */
export interface RetentionFacts {
  /** Oldest first; the last one is being written and is never purged. */
  readonly files: readonly BinlogFile[]
  /** Lower-case server variables. */
  readonly variables: ReadonlyMap<string, string>
  /** The server's clock, milliseconds since 1970. */
  readonly serverNowMs: number
  /** From here on BinGo still needs the binlog: the checkpoint, not the place of the reader. */
  readonly needed: SourcePosition
  /** When the newest transaction before `needed` was committed, by the server's clock; 0 when not known. */
  readonly committedAtMs: number
  /** Creation time of a binlog file in seconds since 1970; 0 when not known. */
  readonly fileCreated: (file: string) => number
}

const DAY_S = 86_400

/**
 * How far the server's purging is away from what is still needed; null where the needed file is not on this server (a
 * position read from another one). A server deletes a file when it was last written longer ago than it keeps binlogs, at
 * the next rotation: that is when the next file was created. Where that is not known, the answer errs on the short side.
 */
export function purgeHeadroom(facts: RetentionFacts): Retention | null {
  const { files, needed, serverNowMs } = facts
  const index = files.findIndex(({ name }) => name === needed.file)
  if (index < 0) return null
  const bytesFromHere = files.slice(index).reduce((sum, { size }) => sum + size, 0)
  const keptMs = keptFor(facts.variables)
  const limit = Number(facts.variables.get('max_binlog_total_size') ?? facts.variables.get('binlog_space_limit') ?? 0)
  return {
    backlogBytes: Math.max(0, bytesFromHere - needed.offset),
    keptMs,
    headroomMs: keptMs === null ? null : headroom(facts, index, keptMs, serverNowMs),
    headroomBytes: limit > 0 ? Math.max(0, limit - bytesFromHere) : null,
  }
}

function headroom(facts: RetentionFacts, index: number, keptMs: number, nowMs: number): number {
  const next = facts.files[index + 1]
  if (next === undefined) return keptMs
  const closedMs = facts.fileCreated(next.name) * 1_000
  const writtenMs = Math.max(facts.fileCreated(facts.needed.file) * 1_000, facts.committedAtMs)
  const lastWrittenMs = closedMs || writtenMs
  // Nothing is known of the file yet: it was there when we looked, so it is not due.
  if (lastWrittenMs === 0) return keptMs
  return Math.max(0, Math.min(keptMs, lastWrittenMs + keptMs - nowMs))
}

/** Milliseconds; null: for ever, as far as time goes. */
function keptFor(variables: ReadonlyMap<string, string>): number | null {
  if (variables.get('binlog_expire_logs_auto_purge') === 'OFF') return null
  const seconds = Number(variables.get('binlog_expire_logs_seconds') ?? 0)
  const days = Number(variables.get('expire_logs_days') ?? 0)
  const kept = seconds > 0 ? seconds : days * DAY_S
  return kept > 0 ? kept * 1_000 : null
}
