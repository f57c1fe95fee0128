import { Budget } from './delivery/budget.ts'
import type { OutboxCounters } from './event/posted/outbox-counters.ts'
import type { EventCounters } from './event/posted/event-counters.ts'
import type { SagaCounters } from './saga/counters.ts'
import type { SourceState } from './source/source-state.ts'
import type { TargetState } from './delivery/target-state.ts'

/**
 * What the daemon can tell of itself: counters as plain numbers, so that counting costs an increment on the hot path, and
 * the states that its stages keep and decide by. Metrics, health and `status` read them when asked; nothing decides by a
 * counter. All `…Total` only grow. Times are milliseconds since 1970, 0 = never.
 */
export interface Stats {
  /** Binlog events and bytes handed in by the sources. */
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
  checkpointFailuresTotal: number
  /** Why the start waits for the checkpoint store; null = it does not. */
  startWaitsFor: { readonly code: string; readonly message: string } | null
  /** What is wrong with the rules in force for tables that the stream showed. */
  tableProblems: { error: number; warning: number }
  readonly rules: Map<string, RuleStats>
  readonly standby: StandbyState
  readonly deadLetters: StoreState
  readonly waiting: WaitingState
  readonly reload: ReloadState
  readonly budget: Budget
  /** The targets of the budget. */
  readonly targets: ReadonlyMap<string, TargetState>
  /** Of posted events; null where none are taken in. */
  /** By the tables of `outbox:`. */
  readonly outboxes: Map<string, OutboxCounters>
  events: EventCounters | null
  /** Of a reader or worker; null where one process does everything. */
  scale: ScaleState | null
  /** Null where none run. */
  sagas: SagaCounters | null
  /** By name. Whoever creates a source enters its state. */
  readonly sources: Map<string, SourceState>
}

/** What a reader or worker knows of all that take part. */
export interface ScaleState {
  readonly role: 'reader' | 'worker'
  /** Where changes go through, printable. */
  readonly through: string
  readonly shares: number
  /** Those of this worker, each with how many records of it are not finished. */
  readonly held: Map<number, number>
  /** Itself included. */
  readonly members: () => readonly ScaleMember[]
}

/** A process that takes part, as it says itself. */
export interface ScaleMember {
  readonly role: 'reader' | 'worker'
  readonly host: string
  readonly pid: number
  /** ISO 8601. */
  readonly since: string
  /** Of a worker; a reader has none. */
  readonly shares: readonly number[]
  /** Records of its shares that are not finished. */
  readonly behind: number
  /** A digest of the rules that it runs: all are to have the same. */
  readonly rules: string
  /** A reader that does not wait for another one. */
  readonly leads: boolean
}

export interface StandbyState {
  /** `alone`: there is no lease to ask for. */
  role: 'alone' | 'standby' | 'leader'
  /** Who leads, for a standby; null = not known. */
  leader: string | null
  /** When this instance began to lead. */
  since: number
  /** Since when a leader cannot renew its lease, and so delivers nothing; 0 = it can. */
  unconfirmedSince: number
}

export interface ReloadState {
  /** Since when the rules in the files cannot be used; 0 = they can. */
  refusedSince: number
  /** The first thing that is wrong with them. */
  problem: string | null
  refusedTotal: number
}

/** Of a store that events must go to. */
export interface StoreState {
  /** Since when entries wait because the store takes none (full, down); 0 = it takes them. */
  blockedSince: number
  blockedBy: { readonly code: string; readonly message: string } | null
}

/** The store of waiting events, and what waits there by line, as it was a moment ago. */
export interface WaitingState extends StoreState {
  lines: ReadonlyMap<string, WaitingLineState>
  /** Jobs on their way into the store, which hold the checkpoint and memory until then. */
  unwritten: number
  /** By rule. */
  readonly suspendedRules: Map<string, SuspendedRule>
}

/** A rule whose events wait in the store, because it fails for all of them. */
export interface SuspendedRule {
  readonly since: number
  readonly code: string
  readonly message: string
}

export interface WaitingLineState {
  readonly count: number
  readonly bytes: number
  /** Since when its first event waits, milliseconds since 1970. */
  readonly oldestMs: number
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

/** Without `targetBudgetBytes` a target that is down may hold three quarters of the budget. */
export function createStats(budgetBytes: number, targetBudgetBytes?: number): Stats {
  const budget = new Budget(budgetBytes, targetBudgetBytes)
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
    checkpointFailuresTotal: 0,
    startWaitsFor: null,
    tableProblems: { error: 0, warning: 0 },
    rules: new Map(),
    standby: { role: 'alone', leader: null, since: 0, unconfirmedSince: 0 },
    deadLetters: { blockedSince: 0, blockedBy: null },
    waiting: { blockedSince: 0, blockedBy: null, lines: new Map(), unwritten: 0, suspendedRules: new Map() },
    reload: { refusedSince: 0, problem: null, refusedTotal: 0 },
    budget,
    targets: budget.targets,
    outboxes: new Map(),
    events: null,
    scale: null,
    sagas: null,
    sources: new Map(),
  }
}
