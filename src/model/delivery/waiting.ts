import type { EvaluationStage } from '../errors.ts'
import type { ValueKind } from '../table/table.ts'
import type { ActionRecord, Attempt } from './dead-letter.ts'

/** What the records of one action and one table have in common. Stored once; the same object for the same thing. */
export interface WaitingShape {
  readonly ruleId: string
  readonly ruleVersion: string
  readonly actionIndex: number
  readonly action: ActionRecord
  readonly actionType: string
  readonly target: string
  readonly schema: string
  readonly table: string
  /** Every column of the table as filters see it, and the names of its primary key. */
  readonly columns: readonly (readonly [name: string, kind: ValueKind])[]
  readonly key: readonly string[]
}

/** An action for an event that waits outside of memory: what a dead letter keeps, and where it waits. */
export interface WaitingRecord {
  /** `EVENT_ID#RULE#ACTION`, as that of a dead letter: adding it again moves it to the end of the line named then. */
  readonly id: string
  /** `delay/RULE`, `spool/TARGET` or `rule/RULE`. */
  readonly line: string
  readonly shape: WaitingShape
  /** What it is ordered by among the events of its rule. */
  readonly rowKey: string
  /** What a delay counts from, milliseconds since 1970: the commit, but never later than the moment it was added. */
  readonly baseMs: number
  /** The change event as JSON. */
  readonly event: string
  /** What of the rule has to be evaluated again, as in a dead letter. */
  readonly stage?: EvaluationStage | undefined
  readonly attempts: readonly Attempt[]
}

/** A place that is never given twice: a record that was moved has another one. */
export type WaitingSeq = number

export interface StoredRecord extends WaitingRecord {
  readonly seq: WaitingSeq
  readonly bytes: number
}

/** One line as a whole. Lines without records are not listed. */
export interface LineTotals {
  readonly line: string
  readonly count: number
  /** Of the events as JSON. */
  readonly bytes: number
  /** `baseMs` of its first record. */
  readonly oldestMs: number
  /** Of its records; those of records that have left may be among them. */
  readonly shapes: readonly WaitingShape[]
}

/**
 * Events that wait, by line and in one order over all lines. Everything that is added in one call is durable when it
 * resolves, or nothing of it is there. Every method rejects with BINGO_WAITING_UNREACHABLE, which passes, or with a BingoError that does
 * not (BINGO_WAITING_CORRUPT, BINGO_STATE_CORRUPT, …_NEWER).
 */
export interface WaitingStore {
  /** Printable, no secrets. */
  readonly description: string
  /** Answers the place of each, in the order given. A call whose answer was lost may be repeated. */
  add(records: readonly WaitingRecord[]): Promise<readonly WaitingSeq[]>
  /** Places that are empty already are passed over: a record that was added again meanwhile stays. */
  remove(places: readonly WaitingSeq[]): Promise<void>
  /** The first records of a line behind `after` (0: from its beginning), in order. */
  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]>
  /** Of a `delay/` line, the records of one row, in order. */
  ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]>
  lines(): Promise<readonly LineTotals[]>
  close(): Promise<void>
}

/** Records of these lines are found by their row. */
export const DELAY_PREFIX = 'delay/'
