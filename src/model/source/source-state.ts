import type { Retention } from './retention.ts'

/** How far the work on what a source has read has come. */
export interface FinishedWork {
  /** Commit time at the low watermark: everything up to here is finished. Milliseconds since 1970, 0 = nothing is yet. */
  readonly commitAtMs: number
  /** Groups that are not finished. */
  readonly pending: number
}

/**
 * What is known of one source while it runs. Whoever creates the source creates this and hands it over: the source keeps
 * it, its reader adds what becomes of the events, and health, metrics and status read it. Times are milliseconds since
 * 1970, 0 = never.
 */
export class SourceState {
  connected = false
  /** Read up to the source's own end. */
  caughtUp = false
  /** `host:port` of the server that is read, or was last; empty before the first. */
  address = ''
  /** Since when no stream stands; 0 = it does, or was never tried. */
  downSince = 0
  /** Why the stream was lost or cannot begin. */
  lastError: { readonly code: string; readonly message: string } | null = null
  /** Why the server's own end cannot be asked, so that nobody knows whether all was read; null = it can. */
  endUnknown: string | null = null
  /** Since when the stream brings heartbeats only, although the server has more; with the groups read by then. */
  stalled: { readonly since: number; readonly groups: number } | null = null
  /** How many groups (transactions) were read: whoever watches sees by it whether reading moves. */
  groups = 0
  /** When anything (heartbeat included) last came in, and the commit time of the newest group read. */
  lastReceivedAt = 0
  lastCommitAt = 0
  /** When changes were skipped last (`source.onGap`). */
  lastGapAt = 0
  /** When this run began at the newest change, for want of a checkpoint; 0 = it did not. */
  startedWithoutCheckpointAt = 0
  checkpointSavedAt = 0
  /** Attempts to save the checkpoint that failed since the last one that worked. */
  failedSaves = 0
  /** null = not known. */
  retention: Retention | null = null
  /** Null until something reads the source. */
  work: FinishedWork | null = null

  /** Commit time up to which everything is finished; 0 = not known. */
  get finishedAt(): number {
    return this.work?.commitAtMs ?? 0
  }

  /** All that the source has was read, and all of it is finished. */
  get allDone(): boolean {
    return this.connected && this.caughtUp && (this.work?.pending ?? 0) === 0
  }
}
