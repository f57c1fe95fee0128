import type { TransactionHandler } from '../../../../model/source/binlog-stream.ts'
import type { Transaction } from '../../../../model/event/change.ts'
import type { SourcePosition } from '../../../../model/source/position.ts'
import { corrupt } from '../format/corrupt-event.ts'
import type { PositionTracker } from './position-tracker.ts'

/** How a transaction will end. */
export type Ending =
  /** With its next statement: DDL, GRANT, XA COMMIT. */
  | 'statement'
  /** With COMMIT, XID or ROLLBACK. */
  | 'explicit'

/** The transaction being read, from its first event to the end of it that the handler is told. */
export class OpenTransaction {
  ending: Ending = 'statement'
  readonly #handler: TransactionHandler
  readonly #position: PositionTracker
  #transaction: Transaction | null = null
  #begun = false

  constructor(handler: TransactionHandler, position: PositionTracker) {
    this.#handler = handler
    this.#position = position
  }

  get current(): Transaction | null {
    return this.#transaction
  }

  /** The handler knows of the transaction. Not before it is clear that its rows are not those of a prepared one. */
  get begun(): boolean {
    return this.#begun
  }

  open(transaction: Transaction, ending: Ending): void {
    this.#transaction = transaction
    this.ending = ending
    this.#begun = false
  }

  begin(): void {
    if (this.#begun) return
    if (this.#transaction === null) throw corrupt('a change outside a transaction')
    this.#begun = true
    this.#handler.begin(this.#transaction)
  }

  /** The GTID counts as executed from here on (invariant 4), and the position moves behind the event being read. */
  commit(): void {
    if (this.#transaction === null) throw corrupt('the end of a transaction without a beginning')
    this.begin()
    this.#handler.commit(this.#close(this.#transaction))
  }

  rollback(): void {
    if (this.#transaction === null) throw corrupt('a ROLLBACK outside a transaction')
    this.begin()
    this.#handler.rollback(this.#close(this.#transaction))
  }

  /** The server did not live to write its end: it was never committed. */
  abandon(): void {
    if (this.#transaction === null) return
    if (this.#begun) this.#handler.rollback(this.#position.resumable())
    this.drop()
  }

  /** Forgets it: it will be read again from its start, or its end comes later under another name. */
  drop(): void {
    this.#transaction = null
    this.#begun = false
  }

  #close({ gtid }: Transaction): SourcePosition {
    this.#position.executed.commit(gtid)
    this.drop()
    this.#position.markBoundary()
    return this.#position.resumable()
  }
}
