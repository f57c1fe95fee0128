/**
 * The daemon's counters as plain numbers, so that counting costs an increment on the hot path; metrics and `status`
 * read them when asked. All `…Total` only grow. Times are milliseconds since 1970, 0 = never.
 */
export interface Stats {
  /** Binlog events and bytes handed in by the source. */
  eventsTotal: number
  bytesTotal: number
  /** Row changes of tables that some rule names, and those of them that matched at least one rule. */
  rowsTotal: number
  matchedTotal: number
  transactionsTotal: number
  reconnectsTotal: number
  checksumErrorsTotal: number
  /** New beginnings after changes were lost knowingly (`source.onGap`). */
  gapsTotal: number
  /** Jobs that exist and the bytes charged for them. */
  inFlightJobs: number
  inFlightBytes: number
  budgetBytes: number
  /** Commit time of the newest transaction read, and when anything (heartbeat included) last came in. */
  lastCommitAt: number
  lastReceivedAt: number
  /** Commit time at the low watermark: everything up to here is finished. */
  watermarkCommitAt: number
  checkpointSavedAt: number
  checkpointFailuresTotal: number
  connected: boolean
  /** Read up to the server's end (nothing waiting in the connection). */
  caughtUp: boolean
  /** Reading is paused because the budget is used up. */
  pausedByBackPressure: boolean
  readonly standby: StandbyStats
  readonly deadLetters: DeadLetterStats
  readonly rules: Map<string, RuleStats>
  readonly targets: Map<string, TargetStats>
}

export interface StandbyStats {
  /** `alone`: there is no lease to ask for. */
  role: 'alone' | 'standby' | 'leader'
  /** Who leads, for a standby; null = not known. */
  leader: string | null
  /** When this instance began to lead. */
  since: number
  /** Since when a leader cannot renew its lease, and so delivers nothing; 0 = it can. */
  unconfirmedSince: number
}

export interface DeadLetterStats {
  /** Since when entries wait because the store takes none (full, down); 0 = it takes them. */
  blockedSince: number
  blockedBy: { readonly code: string; readonly message: string } | null
}

export interface RuleStats {
  matchedTotal: number
  deliveredTotal: number
  /** Superseded inside a window by a newer event of the same key. */
  coalescedTotal: number
  errorsTotal: number
  deadLettersTotal: number
}

export interface TargetStats {
  readonly type: string
  sendsTotal: number
  deliveredTotal: number
  failedTotal: number
  retriedTotal: number
  queued: number
  /** When the target was first found down in the present outage; 0 = up. */
  downSince: number
  lastError: string | null
}

export function createStats(budgetBytes: number): Stats {
  return {
    eventsTotal: 0,
    bytesTotal: 0,
    rowsTotal: 0,
    matchedTotal: 0,
    transactionsTotal: 0,
    reconnectsTotal: 0,
    checksumErrorsTotal: 0,
    gapsTotal: 0,
    inFlightJobs: 0,
    inFlightBytes: 0,
    budgetBytes,
    lastCommitAt: 0,
    lastReceivedAt: 0,
    watermarkCommitAt: 0,
    checkpointSavedAt: 0,
    checkpointFailuresTotal: 0,
    connected: false,
    caughtUp: false,
    pausedByBackPressure: false,
    standby: { role: 'alone', leader: null, since: 0, unconfirmedSince: 0 },
    deadLetters: { blockedSince: 0, blockedBy: null },
    rules: new Map(),
    targets: new Map(),
  }
}
