import { DurationHistogram } from './duration-histogram.ts'

/**
 * The daemon's counters as plain numbers, so that counting costs an increment on the hot path; metrics and `status`
 * read them when asked. All `…Total` only grow. Times are milliseconds since 1970, 0 = never.
 */
export interface Stats {
  /** Binlog events and bytes handed in by the source. */
  eventsTotal: number
  bytesTotal: number
  /** Row changes of tables that some rule names. */
  rowsTotal: number
  /** Changes (of rows, TRUNCATE, DDL, gaps) that matched at least one rule, each counted once. */
  matchedTotal: number
  transactionsTotal: number
  reconnectsTotal: number
  checksumErrorsTotal: number
  /** Statements that changed rows unseen, in tables that no rule wants or `source.ignoreStatementsOn` names. */
  skippedStatementsTotal: number
  /** New beginnings after changes were lost knowingly (`source.onGap`). */
  gapsTotal: number
  /** Jobs that exist and the bytes charged for them. */
  inFlightJobs: number
  inFlightBytes: number
  budgetBytes: number
  /** What a target that is down may hold of it. */
  targetBudgetBytes: number
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
  readonly source: SourceStats
  readonly deadLetters: DeadLetterStats
  readonly reload: ReloadStats
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

export interface ReloadStats {
  /** Since when the rules in the files cannot be used; 0 = they can. */
  refusedSince: number
  /** The first thing that is wrong with them. */
  problem: string | null
  refusedTotal: number
}

export interface SourceStats {
  /** `host:port` of the server that is read, or was last; empty before the first. */
  address: string
  /** Since when no stream stands; 0 = it does, or was never tried. */
  downSince: number
  /** Why the stream was lost or cannot begin. */
  lastError: { readonly code: string; readonly message: string } | null
  /** Why the server's own end cannot be asked, so that nobody knows whether all was read; null = it can. */
  endUnknown: string | null
  /** Since when the stream brings heartbeats only, although the server has more; with the transactions read by then. */
  stalled: { readonly since: number; readonly transactions: number } | null
  /** When changes were skipped last (`source.onGap`). */
  lastGapAt: number
  /** When this run began at the newest change, for want of a checkpoint; 0 = it did not. */
  startedWithoutCheckpointAt: number
  /** null = not known. */
  retention: Retention | null
}

/** How much the server still holds that is not finished, and when it may purge it. */
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

export interface DeadLetterStats {
  /** Since when entries wait because the store takes none (full, down); 0 = it takes them. */
  blockedSince: number
  blockedBy: { readonly code: string; readonly message: string } | null
}

/** `matchedTotal` and `errorsTotal` count changes; the others count actions, of which a change can cause several. */
export interface RuleStats {
  matchedTotal: number
  /** What the matches asked for: delivered, superseded, in the dead letters, or still pending. */
  actionsTotal: number
  deliveredTotal: number
  /** Superseded inside a window by a newer event of the same key. */
  coalescedTotal: number
  errorsTotal: number
  deadLettersTotal: number
}

export interface TargetStats {
  readonly type: string
  sendsTotal: number
  /** How long sends took. */
  readonly sendTimes: DurationHistogram
  /** Attempts that failed, by error code. */
  readonly failures: Map<string, number>
  deliveredTotal: number
  /** Attempts that failed: an action that is retried counts each time. */
  failedTotal: number
  /** Actions that were put back to be sent again, each time, with those that wait behind a failed one of their row. */
  retriedTotal: number
  /** Actions that ended in the dead letters. */
  givenUpTotal: number
  queued: number
  /** Bytes of the budget that its unfinished jobs hold. */
  inFlightBytes: number
  /** Since when no rule names it any more, although events wait for it; 0 = a rule does. */
  unnamedSince: number
  /** When the target was first found down in the present outage; 0 = up. */
  downSince: number
  lastError: string | null
}

/** Without `targetBudgetBytes` a target that is down may hold three quarters of the budget. */
export function createStats(budgetBytes: number, targetBudgetBytes = budgetBytes * 0.75): Stats {
  return {
    eventsTotal: 0,
    bytesTotal: 0,
    rowsTotal: 0,
    matchedTotal: 0,
    transactionsTotal: 0,
    reconnectsTotal: 0,
    checksumErrorsTotal: 0,
    skippedStatementsTotal: 0,
    gapsTotal: 0,
    inFlightJobs: 0,
    inFlightBytes: 0,
    budgetBytes,
    targetBudgetBytes: Math.min(targetBudgetBytes, budgetBytes),
    lastCommitAt: 0,
    lastReceivedAt: 0,
    watermarkCommitAt: 0,
    checkpointSavedAt: 0,
    checkpointFailuresTotal: 0,
    connected: false,
    caughtUp: false,
    pausedByBackPressure: false,
    standby: { role: 'alone', leader: null, since: 0, unconfirmedSince: 0 },
    source: {
      address: '',
      downSince: 0,
      lastError: null,
      endUnknown: null,
      stalled: null,
      lastGapAt: 0,
      startedWithoutCheckpointAt: 0,
      retention: null,
    },
    deadLetters: { blockedSince: 0, blockedBy: null },
    reload: { refusedSince: 0, problem: null, refusedTotal: 0 },
    rules: new Map(),
    targets: new Map(),
  }
}

/** The counters of a target, made when first asked for. */
export function targetStatsOf({ targets }: Stats, id: string, type: string): TargetStats {
  let stats = targets.get(id)
  if (stats === undefined) {
    stats = {
      type,
      sendsTotal: 0,
      sendTimes: new DurationHistogram(),
      failures: new Map(),
      deliveredTotal: 0,
      failedTotal: 0,
      retriedTotal: 0,
      givenUpTotal: 0,
      queued: 0,
      inFlightBytes: 0,
      unnamedSince: 0,
      downSince: 0,
      lastError: null,
    }
    targets.set(id, stats)
  }
  return stats
}
