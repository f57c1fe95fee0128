import { sourceEntry, type SourceEntry } from '../../flow/reading.ts'
import type { Checkpoint, CheckpointStore } from '../../model/checkpoint.ts'
import type { DeadLetterStore } from '../../model/dead-letter.ts'
import type { SourcePosition } from '../../model/position.ts'
import type { RuleSet } from '../../model/rule.ts'
import { SourceState } from '../../model/source-state.ts'
import type { StateStore } from '../../model/state.ts'
import type { Stats } from '../../model/stats.ts'
import { parseBinlogPosition } from '../../sources/mysql/binlog-positions.ts'
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
  const entries: SourceEntry<object>[] = []
  let epoch = 0
  for (const source of deps.sources) {
    const main = 'mysql' in source && source.name === MAIN_SOURCE
    const opened = await (main ? openMain(source, deps, owner, signal) : openOther(source, deps, owner, signal))
    if (opened === 'stopped') return 'stopped'
    entries.push(opened.entry)
    epoch = Math.max(epoch, opened.epoch)
  }
  // Without a stored position: above that of any run before it was lost, which targets may remember.
  return { entries, epoch: epoch === 0 ? Math.floor(deps.clock.now() / 1_000) : epoch + 1 }
}

interface Opened {
  readonly entry: SourceEntry<object>
  /** 0 where nothing is stored. */
  readonly epoch: number
}

/** Kept as the daemon keeps it, so that `bingo position` shows and sets it. */
async function openMain(
  { name, mysql }: { readonly name: string; readonly mysql: SourceConfig },
  deps: SourceDeps,
  owner: SourceOwner,
  signal: AbortSignal,
): Promise<Opened | 'stopped'> {
  const { checkpoints, config } = deps
  const state = enter(name, new SourceState(), deps)
  const checkpoint = await patiently(checkpoints, deps, signal, () => checkpoints.load())
  if (checkpoint === 'stopped') return 'stopped'
  if (checkpoint === null) await firstStart(mysql, checkpoints, deps, owner, state)
  return {
    epoch: checkpoint?.epoch ?? 0,
    entry: sourceEntry({
      source: mysqlSource(name, mysql, deps, owner, state),
      positions: new BinlogCheckpoints(checkpoints, config.name),
      start: checkpoint === null ? null : startOf(checkpoint),
      gaps: checkpoint?.gaps,
    }),
  }
}

async function openOther(
  source: NamedSource,
  deps: SourceDeps,
  owner: SourceOwner,
  signal: AbortSignal,
): Promise<Opened | 'stopped'> {
  const records = new SourceRecords(deps.state, deps.config.name, source.name)
  const record = await patiently<SourceRecord | null>(records, deps, signal, () => records.load())
  if (record === 'stopped') return 'stopped'
  const stored = { positions: records, gaps: record?.gaps }
  const epoch = record?.epoch ?? 0
  if ('custom' in source) {
    enter(source.name, source.custom.state, deps)
    const start = record === null ? null : source.custom.positions.parse(record.position)
    return { epoch, entry: { source: source.custom, start, ...stored } }
  }
  const state = enter(source.name, new SourceState(), deps)
  if (record === null) await firstStart(source.mysql, records, deps, owner, state)
  const start = record === null ? null : parseBinlogPosition(record.position)
  return {
    epoch,
    entry: sourceEntry({ source: mysqlSource(source.name, source.mysql, deps, owner, state), start, ...stored }),
  }
}

/** Metrics and the snapshot find the state of a source by its name. */
function enter(name: string, state: SourceState, { stats }: SourceDeps): SourceState {
  stats.sources.set(name, state)
  return state
}

function startOf({ position, server }: Checkpoint) {
  return { ...position, server }
}

function firstStart(
  { startGiven }: SourceConfig,
  place: { readonly description: string },
  { config, deadLetters, ...deps }: SourceDeps,
  owner: SourceOwner,
  state: SourceState,
): Promise<void> {
  const start = { name: config.name, startGiven, store: config.checkpoint.store }
  return beginWithoutCheckpoint(start, owner.ruleSet(), place, deadLetters, {
    log: deps.log,
    clock: deps.clock,
    state,
    actionTypes: deps.types,
  })
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
