import type { ChangeEvent } from './change.ts'

export interface DeadLetter {
  /** Unique per event, rule and action: `EVENT_ID#RULE#ACTION`. Writing it twice is one entry. */
  readonly id: string
  readonly event: ChangeEvent
  readonly ruleId: string
  readonly ruleVersion: string
  readonly actionIndex: number
  readonly actionType: string
  readonly target: string
  readonly rowKey: string
  /** `skip`: failed and passed over. `park`: failed, later events of the row key wait behind it. `parked`: waits. */
  readonly state: 'skip' | 'park' | 'parked'
  readonly attempts: readonly { readonly at: number; readonly code: string; readonly message: string }[]
  readonly createdAt: number
}

/** `add` resolves only when the entries are durable; rejects with BINGO_DEAD_LETTERS_FULL when bounds are reached. */
export interface DeadLetterStore {
  readonly description: string
  add(letters: readonly DeadLetter[]): Promise<void>
  /** Row keys that are parked, per rule: `RULE\0ROWKEY`. Read once at the start. */
  parkedKeys(): Promise<ReadonlySet<string>>
  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter>
  remove(ids: readonly string[]): Promise<number>
  count(): Promise<number>
  close(): Promise<void>
}

export interface DeadLetterFilter {
  readonly ids?: readonly string[]
  readonly rule?: string
  readonly table?: string
  readonly since?: number
  readonly until?: number
  readonly limit?: number
}
