import type { SagaCounters } from '../model/saga/counters.ts'
import type { SagaStatus } from '../model/saga/instance.ts'
import { OUTBOX_ACTION } from '../model/rule/outbox-rule.ts'
import { DELAY_PREFIX, SPOOL_PREFIX } from '../model/delivery/waiting.ts'
import type { GapLog } from '../model/event/gap.ts'
import type { SourcePosition } from '../model/source/position.ts'
import type { Retention } from '../model/source/retention.ts'
import { SourceState } from '../model/source/source-state.ts'
import type { RuleStats, ScaleMember, ScaleState, Stats } from '../model/stats.ts'
import type { TargetCounters, TargetState } from '../model/delivery/target-state.ts'
import type { Health } from './health.ts'
import type { Finding } from './finding.ts'
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
  /** The first of them. */
  readonly source: StatusOfSource & { readonly paused: boolean; readonly reconnects: number }
  /** All of them, where there are several. */
  readonly sources?: readonly StatusOfNamedSource[]
  /** Of the first source. */
  readonly checkpoint: {
    readonly store: string
    readonly savedAt: string | null
    readonly position: ShownPosition | null
  }
  /** Changes of the first source that were skipped knowingly, the newest last. */
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
  /** Events that wait in the store for the `delay` of their rule, by rule. */
  readonly delayed: { readonly [rule: string]: StatusOfLine }
  readonly targets: { readonly [id: string]: StatusOfTarget }
  readonly deadLetters: { readonly store: string; readonly count: number | null }
  /** By saga and status, as a moment ago; absent where none run. */
  readonly sagas?: { readonly [saga: string]: { readonly [status in SagaStatus]?: number } }
  /** Of a reader or worker: all that take part. */
  readonly scale?: StatusOfScale
}

export interface StatusOfScale {
  readonly role: 'reader' | 'worker'
  readonly through: string
  readonly shares: number
  /** Those of this worker, with how many records of each are not finished. */
  readonly held: { readonly [share: string]: number }
  /** Shares that no worker has. */
  readonly unheld: number
  readonly members: readonly ScaleMember[]
}

export interface StatusOfSource {
  readonly address: string
  readonly downSince: string | null
  readonly lastError: { readonly code: string; readonly message: string } | null
  /** What the server still holds for us, and until when. */
  readonly retention: Retention | null
  readonly connected: boolean
  readonly caughtUp: boolean
  readonly lastReceivedAt: string | null
  readonly lastCommitAt: string | null
}

export interface StatusOfNamedSource extends StatusOfSource {
  readonly name: string
  readonly lagMs: number
  readonly checkpoint: { readonly savedAt: string | null; readonly position: ShownPosition | null }
  readonly gaps: GapLog
}

export interface StatusOfTarget extends Omit<TargetCounters, 'sendTimes' | 'failures'> {
  readonly type: string
  readonly queued: number
  readonly inFlightBytes: number
  readonly lastError: string | null
  /** What waits for it in the store; null: nothing. */
  readonly spool: StatusOfLine | null
  /** `unknown`: nothing was sent to it by this run. */
  readonly state: 'up' | 'down' | 'paused' | 'unknown'
  readonly downSince: string | null
  readonly pausedSince: string | null
  /** Since when no rule names it, although events wait for it. */
  readonly unnamedSince: string | null
}

/** Events that wait in the store. */
export interface StatusOfLine {
  readonly events: number
  readonly bytes: number
  /** Commit of the first of them. */
  readonly oldest: string
}

export interface StatusSources {
  readonly name: string
  readonly version: string
  readonly stats: Stats
  readonly progress: Progress
  readonly health: () => Health
  /** As configured; at least one. */
  readonly sources: readonly { readonly name: string; readonly address: string }[]
  readonly checkpointStore: string
  readonly position: (source: string) => ShownPosition | null
  readonly gaps: (source: string) => GapLog
  readonly deadLetterStore: string
  readonly deadLetters: () => Promise<number | undefined>
}

/** In a binlog, or in the log of posted events. */
type ShownPosition = SourcePosition | { readonly place: string }

export async function describeStatus(sources: StatusSources): Promise<Status> {
  const { stats, progress } = sources
  const { budget } = stats
  const [first] = sources.sources as [StatusSources['sources'][number]]
  const source = stateOf(first.name, stats)
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
      ...describeSource(source, first.address),
      paused: budget.paused,
      reconnects: stats.reconnectsTotal,
    },
    ...(sources.sources.length > 1 && { sources: sources.sources.map((each) => describeNamed(each, sources)) }),
    checkpoint: {
      store: sources.checkpointStore,
      savedAt: isoOrNull(source.checkpointSavedAt),
      position: sources.position(first.name),
    },
    gaps: sources.gaps(first.name),
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
    delayed: linesOf(stats, DELAY_PREFIX),
    targets: Object.fromEntries(
      // Rows of outboxes are sent to no target: the dead letters tell of those that make no event.
      [...stats.targets]
        .filter(([, { type }]) => type !== OUTBOX_ACTION)
        .map(([id, target]) => [id, describeTarget(target, stats)]),
    ),
    deadLetters: { store: sources.deadLetterStore, count },
    ...(stats.sagas !== null && { sagas: describeSagas(stats.sagas) }),
    ...(stats.scale !== null && { scale: describeScale(stats.scale) }),
  }
}

function describeSagas({ counts }: SagaCounters): NonNullable<Status['sagas']> {
  const bySaga = [...Map.groupBy(counts, ({ saga }) => saga)].sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(
    bySaga.map(([saga, of]) => [saga, Object.fromEntries(of.map(({ status, count }) => [status, count]))]),
  )
}

function describeScale({ role, through, shares, held, members }: ScaleState): StatusOfScale {
  const all = members()
  const taken = new Set(all.flatMap((member) => member.shares))
  return { role, through, shares, held: Object.fromEntries(held), unheld: shares - taken.size, members: all }
}

function stateOf(name: string, { sources }: Stats): SourceState {
  return sources.get(name) ?? new SourceState()
}

function describeNamed(
  { name, address }: StatusSources['sources'][number],
  { stats, progress, position, gaps }: StatusSources,
): StatusOfNamedSource {
  const source = stateOf(name, stats)
  return {
    name,
    ...describeSource(source, address),
    lagMs: progress.lagMs(source),
    checkpoint: { savedAt: isoOrNull(source.checkpointSavedAt), position: position(name) },
    gaps: gaps(name),
  }
}

function describeSource(source: SourceState, address: string): StatusOfSource {
  return {
    address: source.address || address,
    downSince: isoOrNull(source.downSince),
    lastError: source.lastError,
    retention: source.retention,
    connected: source.connected,
    caughtUp: source.caughtUp,
    lastReceivedAt: isoOrNull(source.lastReceivedAt),
    lastCommitAt: isoOrNull(source.lastCommitAt),
  }
}

function linesOf({ waiting }: Stats, prefix: string): { readonly [name: string]: StatusOfLine } {
  const lines = [...waiting.lines].filter(([line]) => line.startsWith(prefix))
  return Object.fromEntries(
    lines.map(([line, { count, bytes, oldestMs }]) => [
      line.slice(prefix.length),
      { events: count, bytes, oldest: new Date(oldestMs).toISOString() },
    ]),
  )
}

function describeTarget({ counters, ...target }: TargetState, stats: Stats): StatusOfTarget {
  const { sendTimes: _times, failures: _failures, ...counts } = counters
  return {
    type: target.type,
    ...counts,
    queued: target.queued,
    inFlightBytes: target.inFlightBytes,
    unnamedSince: isoOrNull(target.unnamedSince),
    downSince: isoOrNull(target.downSince),
    pausedSince: isoOrNull(target.pausedSince),
    lastError: target.lastError,
    spool: linesOf(stats, SPOOL_PREFIX)[target.id] ?? null,
    state: targetState(target, counts.sendsTotal),
  }
}

function targetState(
  { pausedSince, downSince }: Pick<TargetState, 'pausedSince' | 'downSince'>,
  sends: number,
): StatusOfTarget['state'] {
  if (pausedSince > 0) return 'paused'
  if (downSince > 0) return 'down'
  return sends === 0 ? 'unknown' : 'up'
}

function isoOrNull(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString()
}
