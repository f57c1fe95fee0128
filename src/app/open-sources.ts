import { sourceEntry, type SourceEntry } from '../flow/reading/reading.ts'
import type { StoredPosition } from '../flow/checkpoint/position-store.ts'
import type { ActionType, Log } from '../model/rule/action.ts'
import type { CheckpointStore } from '../model/state/checkpoint.ts'
import type { JobObserver } from '../model/delivery/job-observer.ts'
import type { Clock } from '../model/clock.ts'
import type { DeadLetterStore } from '../model/delivery/dead-letter.ts'
import { BingoError } from '../model/errors.ts'
import type { Permit } from '../model/state/lease.ts'
import type { SourcePosition } from '../model/source/position.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { SourceState } from '../model/source/source-state.ts'
import type { Source } from '../model/source/source.ts'
import type { StateStore } from '../model/state/state.ts'
import type { Stats } from '../model/stats.ts'
import { parseBinlogPosition, type BinlogPosition } from '../sources/mysql/binlog-positions.ts'
import { MysqlSource } from '../sources/mysql/mysql-source.ts'
import { patiently } from '../state/checkpoint/patiently.ts'
import { CounterRecord } from '../state/counters/counter-record.ts'
import { SourceRecords } from '../state/checkpoint/source-record.ts'
import { BinlogCheckpoints, type PositionPlace } from './binlog-checkpoints.ts'
import type { Config, SourceConfig } from './config/config.ts'
import { anyTable } from './config/table-patterns.ts'
import { beginWithoutCheckpoint } from './first-start.ts'
import { type OutboxWork, watchedOutboxes } from './outbox/outbox-work.ts'
import { GuardedPositions } from './standby/guarded.ts'

/** One source, with its name and, for a server, what the configuration says of it. */
export type NamedSource =
  | { readonly name: string; readonly custom: Source<object>; readonly observer?: JobObserver | undefined }
  /** The position of the main server is the checkpoint of the instance. */
  | { readonly name: string; readonly mysql: SourceConfig; readonly isMain: boolean }

export interface LoadDeps {
  readonly config: Config
  readonly sources: readonly NamedSource[]
  readonly state: StateStore
  readonly checkpoints: CheckpointStore
  readonly log: Log
  readonly clock: Clock
  readonly stats: Stats
}

export interface SourceDeps extends LoadDeps {
  readonly types: ReadonlyMap<string, ActionType>
  readonly deadLetters: DeadLetterStore
  /** Opens what is done with rows of outboxes on a server; absent where there are no outboxes. */
  readonly outboxWork?: ((source: SourceConfig) => OutboxWork) | undefined
  /** Of a leader: without it no position is saved. */
  readonly permit?: Permit | undefined
}

/** What sources ask the pipeline that they belong to. */
export interface SourceOwner {
  readonly ruleSet: () => RuleSet
  readonly position: (source: string) => object | null
}

export interface LoadedSource {
  readonly source: NamedSource
  readonly place: PositionPlace
  /** Null for a first start. */
  readonly stored: StoredPosition | null
}

export interface LoadedSources {
  readonly sources: readonly LoadedSource[]
  /** Above that of every run before. */
  readonly epoch: number
}

/**
 * Loads where each source goes on. A store that is down is waited for, until `signal` is aborted. Rejects with
 * BINGO_CHECKPOINT_ORDER where the checkpoint would be taken for that of another source.
 */
export async function loadSources(deps: LoadDeps, signal: AbortSignal): Promise<LoadedSources | 'stopped'> {
  const sources: LoadedSource[] = []
  for (const source of deps.sources) {
    const place = placeOf(source, deps)
    const stored = await patiently(place, deps, signal, () => place.load())
    if (stored === 'stopped') return 'stopped'
    if (isMain(source)) {
      const records = recordsOf(source, deps)
      const record = await patiently(records, deps, signal, () => records.load())
      if (record === 'stopped') return 'stopped'
      if (record !== null) throw wrongOrder(source.name)
    }
    sources.push({ source, place, stored })
  }
  const epoch = Math.max(...sources.map(({ stored }) => stored?.epoch ?? 0))
  // Without a stored position: above that of any run before it was lost, which targets may remember.
  return { sources, epoch: epoch === 0 ? Math.floor(deps.clock.now() / 1_000) : epoch + 1 }
}

/** The main server's as it always was, so that a second source can be added to an instance that runs with one. */
function placeOf(source: NamedSource, deps: LoadDeps): PositionPlace {
  return isMain(source) ? new BinlogCheckpoints(deps.checkpoints, deps.config.name) : recordsOf(source, deps)
}

function recordsOf({ name }: NamedSource, { state, config }: LoadDeps): SourceRecords {
  return new SourceRecords(state, config.name, name)
}

function isMain(source: NamedSource): boolean {
  return 'mysql' in source && source.isMain
}

function wrongOrder(name: string): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_ORDER',
    `"${name}" is the first of the sources now, but its position is stored as that of a further one`,
    {
      hint: 'Restore the order of `sources:` and add new ones at the end. Where the first was removed for good: give this one another name and run `bingo position set`.',
    },
  )
}

/** The sources, ready to be read from where they go on. Rejects with BINGO_CHECKPOINT_LOST. */
export async function openSources(
  { sources }: LoadedSources,
  deps: SourceDeps,
  owner: SourceOwner,
): Promise<readonly SourceEntry<object>[]> {
  const isAdded = sources.some(({ stored }) => stored !== null)
  const entries: SourceEntry<object>[] = []
  for (const each of sources) entries.push(await entryOf(each, isAdded, deps, owner))
  return entries
}

async function entryOf(
  { source, place, stored }: LoadedSource,
  isAdded: boolean,
  deps: SourceDeps,
  owner: SourceOwner,
): Promise<SourceEntry<object>> {
  const { permit } = deps
  const positions = permit === undefined ? place : new GuardedPositions(place, permit)
  const store = new CounterRecord(deps.state, deps.config.name, source.name)
  const counters = { store, at: stored?.position ?? null }
  const rest = { positions, gaps: stored?.gaps, counters }
  if ('custom' in source) {
    const { custom, observer } = source
    deps.stats.sources.set(source.name, custom.state)
    return { source: custom, ...rest, observer, start: stored && custom.positions.parse(stored.position) }
  }
  const state = sourceState(deps.stats, source.name)
  if (stored === null) {
    const { config, deadLetters, types: actionTypes, log, clock } = deps
    const { startGiven } = source.mysql
    const start = { name: config.name, startGiven, store: config.checkpoint.store, isAdded }
    await beginWithoutCheckpoint(start, owner.ruleSet(), place, deadLetters, { log, clock, state, actionTypes })
  }
  const start: BinlogPosition | null = stored && parseBinlogPosition(stored.position)
  const outboxRows = deps.outboxWork?.(source.mysql).rows
  return sourceEntry({
    source: mysqlSource(source, deps, owner, state),
    ...rest,
    start,
    outboxRows,
    observer: outboxRows,
  })
}

/** Health, metrics and status find the state of a server by its name, from before it is opened. */
export function sourceState({ sources }: Stats, name: string): SourceState {
  const state = sources.get(name) ?? new SourceState()
  sources.set(name, state)
  return state
}

function mysqlSource(
  { name, mysql: source, isMain: main }: Extract<NamedSource, { mysql: SourceConfig }>,
  deps: SourceDeps,
  owner: SourceOwner,
  state: SourceState,
): MysqlSource {
  const { config, log, clock, stats, permit } = deps
  return new MysqlSource(
    { name, replicaName: replicaName(config.name, name, main), idPrefix: idPrefixOf({ name, isMain: main }), source },
    {
      log,
      clock,
      stats,
      state,
      permit,
      needed: () => owner.position(name) as SourcePosition | null,
      wants: (schema, table) => owner.ruleSet().rules.some((rule) => rule.matchesTable(schema, table)),
      outboxes: watchedOutboxes(config.outboxes),
      ignoresStatementsOn: anyTable(source.ignoreStatementsOn),
    },
  )
}

/**
 * What the ids of a further source's events begin with: independent servers can have the same GTIDs (MariaDB 0-1-42), and
 * targets take equal ids for the same change.
 */
export function idPrefixOf({
  name,
  isMain: main,
}: {
  readonly name: string
  readonly isMain: boolean
}): string | undefined {
  return main ? undefined : `${name}:`
}

/** What the server id is made of: two connections of one instance need server ids of their own. */
export function replicaName(instance: string, source: string, main: boolean): string {
  return main ? instance : `${instance}/${source}`
}
