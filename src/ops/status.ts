import type { GapLog } from '../model/gap.ts'
import type { SourcePosition } from '../model/position.ts'
import type { Retention } from '../model/retention.ts'
import { SourceState } from '../model/source-state.ts'
import type { RuleStats, Stats } from '../model/stats.ts'
import type { TargetCounters, TargetState } from '../model/target-state.ts'
import type { Finding, Health } from './health.ts'
import type { Progress } from './progress.ts'

/** What `/status` answers and `bingo status` prints. Times are ISO 8601, null = never. */
export interface Status {
  readonly name: string
  readonly version: string
  readonly pid: number
  readonly uptimeMs: number
  readonly ready: boolean
  readonly reasons: readonly Finding[]
  readonly notes: readonly Finding[]
  readonly lagMs: number
  readonly source: {
    readonly address: string
    readonly downSince: string | null
    readonly lastError: { readonly code: string; readonly message: string } | null
    /** What the server still holds for us, and until when. */
    readonly retention: Retention | null
    readonly connected: boolean
    readonly caughtUp: boolean
    readonly paused: boolean
    readonly lastReceivedAt: string | null
    readonly lastCommitAt: string | null
    readonly reconnects: number
  }
  readonly checkpoint: {
    readonly store: string
    readonly savedAt: string | null
    readonly position: SourcePosition | null
  }
  /** Changes that were skipped knowingly, the newest last. */
  readonly gaps: GapLog
  readonly standby: {
    /** `alone`: no lease is configured. */
    readonly role: 'alone' | 'standby' | 'leader'
    /** Who leads, as far as a standby knows. */
    readonly leader: string | null
    readonly leadingSince: string | null
  }
  readonly work: {
    readonly transactions: number
    readonly rows: number
    readonly matched: number
    readonly inFlight: number
    readonly inFlightBytes: number
    readonly budgetBytes: number
  }
  readonly rules: { readonly [id: string]: RuleStats }
  readonly targets: { readonly [id: string]: StatusOfTarget }
  readonly deadLetters: { readonly store: string; readonly count: number | null }
}

export interface StatusOfTarget extends Omit<TargetCounters, 'sendTimes' | 'failures'> {
  readonly type: string
  readonly queued: number
  readonly inFlightBytes: number
  readonly lastError: string | null
  /** `unknown`: nothing was sent to it by this run. */
  readonly state: 'up' | 'down' | 'unknown'
  readonly downSince: string | null
  /** Since when no rule names it, although events wait for it. */
  readonly unnamedSince: string | null
}

export interface StatusSources {
  readonly name: string
  readonly version: string
  readonly stats: Stats
  readonly progress: Progress
  readonly health: () => Health
  readonly sourceAddress: string
  readonly checkpointStore: string
  readonly position: () => SourcePosition | null
  readonly gaps: () => GapLog
  readonly deadLetterStore: string
  readonly deadLetters: () => Promise<number | undefined>
}

export async function describeStatus(sources: StatusSources): Promise<Status> {
  const { stats, progress } = sources
  const { budget } = stats
  const source = stats.sources.values().next().value ?? new SourceState()
  // First: health knows then whether dead letters are left.
  const count = (await sources.deadLetters()) ?? null
  return {
    name: sources.name,
    version: sources.version,
    pid: process.pid,
    uptimeMs: progress.uptimeMs(),
    ...sources.health(),
    lagMs: progress.lagMs(),
    source: {
      address: source.address || sources.sourceAddress,
      downSince: isoOrNull(source.downSince),
      lastError: source.lastError,
      retention: source.retention,
      connected: source.connected,
      caughtUp: source.caughtUp,
      paused: budget.paused,
      lastReceivedAt: isoOrNull(source.lastReceivedAt),
      lastCommitAt: isoOrNull(source.lastCommitAt),
      reconnects: stats.reconnectsTotal,
    },
    checkpoint: {
      store: sources.checkpointStore,
      savedAt: isoOrNull(source.checkpointSavedAt),
      position: sources.position(),
    },
    gaps: sources.gaps(),
    standby: {
      role: stats.standby.role,
      leader: stats.standby.leader,
      leadingSince: isoOrNull(stats.standby.since),
    },
    work: {
      transactions: stats.transactionsTotal,
      rows: stats.rowsTotal,
      matched: stats.matchedTotal,
      inFlight: budget.jobs,
      inFlightBytes: budget.bytes,
      budgetBytes: budget.limitBytes,
    },
    rules: Object.fromEntries(stats.rules),
    targets: Object.fromEntries([...stats.targets].map(([id, target]) => [id, describeTarget(target)])),
    deadLetters: { store: sources.deadLetterStore, count },
  }
}

function describeTarget({ counters, ...target }: TargetState): StatusOfTarget {
  const { sendTimes: _times, failures: _failures, ...counts } = counters
  return {
    type: target.type,
    ...counts,
    queued: target.queued,
    inFlightBytes: target.inFlightBytes,
    unnamedSince: isoOrNull(target.unnamedSince),
    downSince: isoOrNull(target.downSince),
    lastError: target.lastError,
    state: target.downSince !== 0 ? 'down' : counts.sendsTotal === 0 ? 'unknown' : 'up',
  }
}

function isoOrNull(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString()
}
