import { EventSpool, SpoolMemory } from './event-spool.ts'
import { EventType } from '../format/event-types.ts'
import type { PositionTracker } from './position-tracker.ts'
import type { PreparedXa } from './prepared-xa.ts'
import { rowsKind } from '../rows/rows-event.ts'

/** Bounds of what is kept of transactions that are not decided yet. */
export interface TransactionBufferLimits {
  /** Bytes of all prepared XA transactions kept in memory; the rest goes to temporary files, one for each. */
  readonly xaMemoryBytes: number
  /** Folder for such files; null = the system's. */
  readonly spoolFolder: string | null
}

/**
 * XA transactions on their way from XA START to their outcome. Their rows are set aside, as nobody knows yet whether
 * they will be committed (invariant 3); at XA PREPARE they go to the position tracker, which holds the restart before
 * them.
 */
export class XaTransactions {
  readonly #position: PositionTracker
  readonly #folder: string | null
  readonly #memory: SpoolMemory
  #open: { readonly xid: string; readonly events: EventSpool } | null = null

  constructor(position: PositionTracker, limits: TransactionBufferLimits) {
    this.#position = position
    this.#folder = limits.spoolFolder
    this.#memory = new SpoolMemory(limits.xaMemoryBytes)
  }

  /** Between XA START and XA PREPARE, or a commit in one phase. */
  get isOpen(): boolean {
    return this.#open !== null
  }

  start(xid: string): void {
    this.#open?.events.close()
    this.#open = { xid, events: new EventSpool(this.#memory, this.#folder) }
  }

  /** Keeps an event of the open transaction that tells of rows; false for events of other kinds. */
  setAside(type: number, buffer: Buffer, start: number, end: number): boolean {
    if (!tellsOfRows(type)) return false
    this.append(type, buffer, start, end)
    return true
  }

  append(type: number, buffer: Buffer, start: number, end: number): void {
    this.#open!.events.append(type, buffer, start, end)
  }

  drop(): void {
    this.#open?.events.close()
    this.#open = null
  }

  /** XA PREPARE: the outcome comes later, under a GTID of its own. */
  prepare(gtid: string | null): void {
    const { xid, events } = this.#open!
    this.#open = null
    this.#position.prepare({ xid, gtid, events })
  }

  /** The open transaction's rows, to be committed in one phase. */
  takeOpen(): EventSpool {
    const { events } = this.#open!
    this.#open = null
    return events
  }

  /** Null when it was not prepared since reading began. */
  takePrepared(xid: string): PreparedXa | null {
    return this.#position.takePrepared(xid)
  }

  /** Read again after a reconnect, the outcome must find the rows. */
  putBack(prepared: PreparedXa): void {
    this.#position.prepared.add(prepared)
  }
}

function tellsOfRows(type: number): boolean {
  return (
    type === EventType.TABLE_MAP ||
    type === EventType.ROWS_QUERY ||
    type === EventType.MARIADB_ANNOTATE_ROWS ||
    rowsKind(type) !== undefined
  )
}
