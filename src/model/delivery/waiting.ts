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
  /** The change of a row as a list of values, a posted event as JSON (waiting/record.ts). */
  readonly event: string
  /** What of the rule has to be evaluated again, as in a dead letter. */
  readonly stage?: EvaluationStage | undefined
  readonly attempts: readonly Attempt[]
  /**
   * Of what was read at this place: it is added only while something stands there. What is gone from there came again after
   * a crash, and stands, or went on, behind what it has to follow.
   */
  readonly from?: WaitingSeq | undefined
}

/** A place that is never given twice: a record that was moved has another one. */
export type WaitingSeq = number

export interface StoredRecord extends Omit<WaitingRecord, 'from'> {
  readonly seq: WaitingSeq
  readonly bytes: number
}

/** The spool that a job was loaded from, by its target, and the record that it was made of. */
export interface Origin {
  readonly target: string
  readonly record: StoredRecord
}

/** One line as a whole. Lines without records are not listed. */
export interface LineTotals {
  readonly line: string
  readonly count: number
  /** Of the events as they are written. */
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
  /**
   * What of later actions of a rule waits for an event leaves when an earlier one is added again, but for what is moved by
   * `from`: it follows in the same replay.
   * Answers the place of each, in the order given; null: `from` was empty. A call whose answer was lost may be repeated.
   */
  add(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]>
  /** Places that are empty already are passed over: a record that was added again meanwhile stays. */
  remove(places: readonly WaitingSeq[]): Promise<void>
  /**
   * Gives what stands at these places another shape, key, and event; nothing else of it changes, and places that are empty are
   * passed over.
   */
  replace(records: readonly StoredRecord[]): Promise<void>
  /** The first records of a line behind `after` (0: from its beginning), in order. */
  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]>
  /** Of a `delay/` or `rule/` line, the records of one key, in order. */
  ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]>
  lines(): Promise<readonly LineTotals[]>
  close(): Promise<void>
}

/** In memory an event takes about so many times the bytes that it takes where it waits: objects, strings, boxed numbers. */
export const HELD_FACTOR = 4

/** Ending of the id of a job that acts on the key that an UPDATE left behind. */
export const FORMER = '#former'

export const SPOOL_PREFIX = 'spool/'
export const RULE_PREFIX = 'rule/'
export const DELAY_PREFIX = 'delay/'

/** Records of such lines are found by their key: a later change may revise them. */
export function isKeyed(line: string): boolean {
  return line.startsWith(DELAY_PREFIX) || line.startsWith(RULE_PREFIX)
}
