import type { BigintPath } from '../event/forms/bigint-paths.ts'
import type { ChangeEvent } from '../event/change.ts'
import type { EvaluationStage } from '../errors.ts'
import type { ReceiverAnswer } from '../rule/outcome.ts'
import type { ValueKind } from '../table/table.ts'

export interface DeadLetter {
  /** Unique per event, rule and action: `EVENT_ID#RULE#ACTION`, with the action's identity. Writing it twice is one entry. */
  readonly id: string
  readonly event: ChangeEvent
  readonly ruleId: string
  readonly ruleVersion: string
  /** Place of the action in its rule when the entry was written, from 0. */
  readonly actionIndex: number
  /** What the action was: an entry goes to this one only. Absent in entries of versions that noted the place alone. */
  readonly action?: ActionRecord
  readonly actionType: string
  readonly target: string
  readonly rowKey: string
  /** `skip`: failed and passed over. `park`: failed, later events of the row key wait behind it. `parked`: waits. */
  readonly state: 'skip' | 'park' | 'parked'
  readonly attempts: readonly Attempt[]
  readonly createdAt: number
  /**
   * What of the rule could not be evaluated: a retry evaluates that and what comes after it. Absent where only the
   * delivery failed, or the event waits behind another: what had been decided about it stays decided.
   */
  readonly stage?: EvaluationStage
  /** With `stage`: every column of the table as it was, as filters see them; JSON alone does not tell an int from a double. */
  readonly columns?: readonly (readonly [name: string, kind: ValueKind])[]
  /** Of a posted event: where its JSON has a text for an integer beyond 2^53. Absent: nowhere. */
  readonly bigints?: readonly BigintPath[]
}

/** One failed try. */
export interface Attempt {
  readonly at: number
  readonly code: string
  readonly message: string
  /** Of the last one: what the receiver said, where it answered. */
  readonly answer?: ReceiverAnswer
}

/** What an action is recognised by (see ActionPlan), and the identities of all actions that its rule had. */
export interface ActionRecord {
  readonly identity: string
  readonly parts: { readonly [field: string]: string }
  readonly ofRule: readonly string[]
}

/** Several processes may use one store at a time: the daemon, and `bingo dead-letters` beside it. */
export interface DeadLetterStore {
  readonly description: string
  /**
   * Resolves only when the entries are durable; rejects with BINGO_DEAD_LETTERS_FULL when bounds are reached. Answers
   * the ids of entries that were not taken: those in state `parked` for whose row key nothing is left in the store,
   * because it was retried meanwhile, and later ones of the same key. They have to be delivered after all (invariant 2).
   */
  add(letters: readonly DeadLetter[]): Promise<readonly string[]>
  /** Row keys that are parked, per rule: `parkedKey` of every entry that is not of state `skip`. */
  parkedKeys(): Promise<ReadonlySet<string>>
  /** Oldest first. */
  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter>
  /** Answers how many there were. A row key whose last entry goes is not parked any more, in the same instant. */
  remove(ids: readonly string[]): Promise<number>
  count(): Promise<number>
  /** The right to retry, for one process at a time. Rejects with BINGO_DEAD_LETTERS_BUSY; it ends with the process. */
  lease(): Promise<AsyncDisposable>
  close(): Promise<void>
}

export interface DeadLetterFilter {
  readonly ids?: readonly string[]
  readonly rule?: string
  readonly table?: string
  /** Of the last attempt. */
  readonly code?: string
  readonly since?: number
  readonly until?: number
  readonly limit?: number
}

/** Name under which a row key is parked for a rule. */
export function parkedKey(ruleId: string, rowKey: string): string {
  return `${ruleId}\0${rowKey}`
}
