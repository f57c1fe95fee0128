import type { PositionStore } from '../../flow/checkpoint/position-store.ts'
import { sourceEntry, type SourceEntry } from '../../flow/reading.ts'
import type { Checkpoint, CheckpointStore } from '../../model/checkpoint.ts'
import type { DeadLetterStore } from '../../model/dead-letter.ts'
import type { GapLog } from '../../model/gap.ts'
import type { SourcePosition } from '../../model/position.ts'
import type { RuleSet } from '../../model/rule.ts'
import { SourceState } from '../../model/source-state.ts'
import type { StateStore } from '../../model/state.ts'
import type { Stats } from '../../model/stats.ts'
import { parseBinlogPosition, type BinlogPosition } from '../../sources/mysql/binlog-positions.ts'
import { MysqlSource } from '../../sources/mysql/mysql-source.ts'
import { patiently } from '../../state/checkpoint/patiently.ts'
import { SourceRecords, type SourceRecord } from '../../state/checkpoint/source-record.ts'
import { BinlogCheckpoints } from '../binlog-checkpoints.ts'
import type { SourceConfig } from '../config/config.ts'
import { anyTable } from '../config/table-patterns.ts'
import { beginWithoutCheckpoint } from '../first-start.ts'
import type { LibraryParts } from './parts.ts'
import { MAIN_SOURCE, type NamedSource } from './settings.ts'

export interface SourceDeps extends LibraryParts {
  readonly state: StateStore
  readonly checkpoints: CheckpointStore
  readonly deadLetters: DeadLetterStore
  readonly stats: Stats
}

/** What sources ask the pipeline that they belong to. */
export interface SourceOwner {
  readonly ruleSet: () => RuleSet
  readonly position: (source: string) => object | null
}

export interface OpenedSources {
  readonly entries: readonly SourceEntry<object>[]
  /** Above that of every run before. */
  readonly epoch: number
}

/** Loads where each source goes on. A store that is down is waited for, until `signal` is aborted. */
export async function openSources(
  deps: SourceDeps,
  owner: SourceOwner,
  signal: AbortSignal,
): Promise<OpenedSources | 'stopped'> {
  const loaded: Loaded[] = []
  for (const source of deps.sources) {
    const found = await load(source, deps, signal)
    if (found === 'stopped') return 'stopped'
    loaded.push(found)
  }
  const isAdded = loaded.some(({ stored }) => stored !== null)
  const entries: SourceEntry<object>[] = []
  for (const each of loaded) entries.push(await entryOf(each, isAdded, deps, owner))
  const epoch = Math.max(...loaded.map(({ stored }) => stored?.epoch ?? 0))
  // Without a stored position: above that of any run before it was lost, which targets may remember.
  return { entries, epoch: epoch === 0 ? Math.floor(deps.clock.now() / 1_000) : epoch + 1 }
}

interface Loaded {
  readonly source: NamedSource
  readonly positions: PositionStore
  /** Null for a first start. */
  readonly stored: { readonly start: object; readonly epoch: number; readonly gaps: GapLog | undefined } | null
}

async function load(source: NamedSource, deps: SourceDeps, signal: AbortSignal): Promise<Loaded | 'stopped'> {
  const { config, checkpoints, state } = deps
  if ('mysql' in source && source.name === MAIN_SOURCE) {
    // Kept as the daemon keeps it, so that `bingo position` shows and sets it.
    const checkpoint = await patiently(checkpoints, deps, signal, () => checkpoints.load())
    if (checkpoint === 'stopped') return 'stopped'
    const stored = checkpoint && { ...checkpoint, start: startOf(checkpoint), gaps: checkpoint.gaps }
    return { source, positions: new BinlogCheckpoints(checkpoints, config.name), stored }
  }
  const records = new SourceRecords(state, config.name, source.name)
  const record = await patiently<SourceRecord | null>(records, deps, signal, () => records.load())
  if (record === 'stopped') return 'stopped'
  const parse = (text: string): object =>
    'custom' in source ? source.custom.positions.parse(text) : parseBinlogPosition(text)
  return { source, positions: records, stored: record && { ...record, start: parse(record.position) } }
}

async function entryOf(
  { source, positions, stored }: Loaded,
  isAdded: boolean,
  deps: SourceDeps,
  owner: SourceOwner,
): Promise<SourceEntry<object>> {
  const { name } = source
  const rest = { positions, start: stored?.start ?? null, gaps: stored?.gaps }
  if ('custom' in source) {
    enter(name, source.custom.state, deps)
    return { source: source.custom, ...rest }
  }
  const state = enter(name, new SourceState(), deps)
  if (stored === null) {
    const { config, deadLetters, types: actionTypes, log, clock } = deps
    const { startGiven } = source.mysql
    const start = { name: config.name, startGiven, store: config.checkpoint.store, isAdded }
    await beginWithoutCheckpoint(start, owner.ruleSet(), positions, deadLetters, { log, clock, state, actionTypes })
  }
  // What is stored of a server is a place in its binlog.
  const start = rest.start as BinlogPosition | null
  return sourceEntry({ source: mysqlSource(name, source.mysql, deps, owner, state), ...rest, start })
}

/** Metrics and the snapshot find the state of a source by its name. */
function enter(name: string, state: SourceState, { stats }: SourceDeps): SourceState {
  stats.sources.set(name, state)
  return state
}

function startOf({ position, server }: Checkpoint) {
  return { ...position, server }
}

function mysqlSource(
  name: string,
  source: SourceConfig,
  deps: SourceDeps,
  owner: SourceOwner,
  state: SourceState,
): MysqlSource {
  const { config, log, clock, stats } = deps
  // Two connections of one pipeline need server ids of their own.
  const replicaName = name === MAIN_SOURCE ? config.name : `${config.name}/${name}`
  return new MysqlSource(
    { name, replicaName, source },
    {
      log,
      clock,
      stats,
      state,
      needed: () => owner.position(name) as SourcePosition | null,
      wants: (schema, table) => owner.ruleSet().rules.some((rule) => rule.matchesTable(schema, table)),
      ignoresStatementsOn: anyTable(source.ignoreStatementsOn),
    },
  )
}
