import type { RowsBlock, SchemaResolver, TransactionHandler } from '../core/binlog-stream.ts'
import type { Transaction } from '../core/change.ts'
import { corrupt } from './corrupt-event.ts'
import { EventSpool } from './event-spool.ts'
import { EventType } from './event-types.ts'
import { uncompressedRows, uncompressedRowsBytes } from './mariadb-compression.ts'
import type { PositionTracker } from './position-tracker.ts'
import type { PreparedXa } from './prepared-xa.ts'
import { emptyRowsBlock, fillRowsBlock, rowsKind } from './rows-event.ts'
import type { RowsKind } from './rows-event.ts'
import type { Statement } from '../core/sql/statement.ts'
import { readQueryStatement } from './statement-text.ts'
import { statementFormat } from './stream-errors.ts'
import { TableCache, tableIdAt } from './table-cache.ts'

/** Ids that servers give to rows events without content, which only end a statement. */
const DUMMY_TABLE_IDS: ReadonlySet<number> = new Set([0xff_ffff, 0xffff_ffff_ffff])

/** Bounds of what is kept of transactions that are not decided yet. */
export interface TransactionBufferLimits {
  /** Bytes of one prepared XA transaction kept in memory; the rest goes to a temporary file. */
  readonly xaMemoryBytes: number
  /** Folder for such files; null = the system's. */
  readonly spoolFolder: string | null
}

export interface AssemblerDeps {
  readonly handler: TransactionHandler
  readonly schemas: SchemaResolver
  readonly position: PositionTracker
  readonly limits: TransactionBufferLimits
  readonly warn: (code: string, message: string) => void
}

/** How the present transaction will end. */
type Ending =
  /** With its next statement: DDL, GRANT, XA COMMIT. */
  | 'statement'
  /** With COMMIT, XID or ROLLBACK. */
  | 'explicit'

/**
 * Puts events together to transactions and tells the handler. An event's body is taken without header and checksum, and
 * may come from the stream, from a compressed payload, or from a prepared XA transaction.
 */
export class TransactionAssembler {
  readonly tables: TableCache
  readonly #deps: AssemblerDeps
  readonly #block: RowsBlock = emptyRowsBlock()
  #transaction: Transaction | null = null
  #ending: Ending = 'statement'
  /** The handler knows of the transaction. Not before it is clear that its rows are not those of a prepared one. */
  #begun = false
  /** Ordinal of the next rows event's first row: bytes of rows events so far, as every row takes at least one. */
  #nextSeq = 0
  #savepoints: Map<string, number> | null = null
  /** Rows between XA START and XA PREPARE. */
  #xa: { readonly xid: string; readonly events: EventSpool } | null = null
  /** ALTER in two phases: the statement at hand has changed nothing (yet). */
  #ddlWithoutEffect = false

  constructor(deps: AssemblerDeps) {
    this.#deps = deps
    this.tables = new TableCache(deps.schemas, (table) => deps.handler.wants(table))
  }

  get inTransaction(): boolean {
    return this.#transaction !== null
  }

  /** A GTID event, or the first statement where there are none. */
  open(transaction: Transaction, ending: Ending, ddlWithoutEffect = false): void {
    if (this.#transaction !== null) {
      if (this.#begun || this.#xa !== null) throw corrupt(`the transaction ${this.#transaction.id} has no end`)
      this.commit()
    }
    this.#transaction = transaction
    this.#ending = ending
    this.#begun = false
    this.#nextSeq = 0
    this.#savepoints = null
    this.#ddlWithoutEffect = ddlWithoutEffect
  }

  /** Forgets the transaction at hand: it will be read again from its start, or never ends. */
  drop(): void {
    this.#transaction = null
    this.#xa?.events.close()
    this.#xa = null
  }

  /** The server did not live to write the end of the transaction: it was never committed. */
  abandon(): void {
    if (this.#transaction === null) return
    if (this.#begun) this.#deps.handler.rollback(this.#deps.position.resumable())
    this.drop()
  }

  /** The rows that follow are committed later, if at all: XA START, or MariaDB's GTID event of such a transaction. */
  startXa(xid: string): void {
    this.#ending = 'explicit'
    const { xaMemoryBytes, spoolFolder } = this.#deps.limits
    this.#xa = { xid, events: new EventSpool(xaMemoryBytes, spoolFolder) }
  }

  /** Takes an event that stands inside a transaction; false when it is of no such type. */
  take(type: number, buffer: Buffer, start: number, end: number): boolean | Promise<void> {
    const kind = rowsKind(type)
    if (kind !== undefined) return this.#rows(type, kind, buffer, start, end) ?? true
    switch (type) {
      case EventType.TABLE_MAP:
        if (this.#xa !== null) this.#xa.events.append(type, buffer, start, end)
        else return this.tables.map(buffer, start, end, this.#deps.position.flavour) ?? true
        return true
      case EventType.QUERY:
      case EventType.MARIADB_QUERY_COMPRESSED:
        return this.#query(type, buffer, start, end) ?? true
      case EventType.XID:
        this.commit()
        return true
      case EventType.XA_PREPARE:
        if (start >= end) throw corrupt('no body')
        return this.#prepare(buffer[start] !== 0) ?? true
      case EventType.ROWS_QUERY:
      case EventType.MARIADB_ANNOTATE_ROWS:
        this.#rowsQuery(type, buffer, start, end)
        return true
      case EventType.INTVAR:
      case EventType.RAND:
      case EventType.USER_VAR:
        // Context of a statement; the statement itself tells whether rows go unseen.
        return true
      case EventType.BEGIN_LOAD_QUERY:
      case EventType.EXECUTE_LOAD_QUERY:
        throw statementFormat('LOAD DATA', '')
      default:
        return false
    }
  }

  #rows(type: number, kind: RowsKind, buffer: Buffer, start: number, end: number): void | Promise<void> {
    if (this.#xa !== null) {
      this.#xa.events.append(type, buffer, start, end)
      return
    }
    const id = tableIdAt(buffer, start, end)
    const mapped = this.tables.get(id)
    if (mapped === null) {
      if (DUMMY_TABLE_IDS.has(id)) return
      throw corrupt(`rows of table id ${id}, which no TABLE_MAP event describes,`)
    }
    if (this.#transaction === null) throw corrupt('rows outside a transaction')
    const firstSeq = this.#nextSeq
    if (!mapped.wanted) {
      this.#nextSeq += kind.compressed ? uncompressedRowsBytes(kind, buffer, start, end) : end - start
      return
    }
    const body = kind.compressed ? uncompressedRows(kind, buffer, start, end) : buffer
    const bodyStart = kind.compressed ? 0 : start
    const bodyEnd = kind.compressed ? body.length : end
    this.#nextSeq += bodyEnd - bodyStart
    fillRowsBlock(this.#block, kind, mapped, body, bodyStart, bodyEnd)
    this.#block.firstSeq = firstSeq
    this.#begin()
    return this.#deps.handler.rows(this.#block)
  }

  #query(type: number, buffer: Buffer, start: number, end: number): void | Promise<void> {
    const statement = readQueryStatement(type, buffer, start, end)
    // Savepoints count the rows before them, which are not delivered yet.
    const withRows = statement.tag === 'savepoint' || statement.tag === 'rollbackTo'
    if (this.#xa !== null && withRows) this.#xa.events.append(type, buffer, start, end)
    else return this.#statement(statement)
  }

  #statement(statement: Statement): void | Promise<void> {
    switch (statement.tag) {
      case 'begin':
        this.#ending = 'explicit'
        return
      case 'commit':
        this.commit()
        return
      case 'rollback':
        this.#rollback()
        return
      case 'savepoint':
        this.#savepoints ??= new Map()
        this.#savepoints.set(statement.name, this.#nextSeq)
        return
      case 'rollbackTo':
        this.#rollbackTo(statement.name)
        return
      case 'xaStart':
        this.startXa(statement.xid)
        return
      case 'xaEnd':
        return
      case 'xaCommit':
        return this.#xaCommit(statement.xid)
      case 'xaRollback':
        this.#deps.position.takePrepared(statement.xid)?.events.close()
        this.commit()
        return
      case 'rowsUnseen':
        throw statementFormat(statement.verb, this.#transaction?.id ?? '')
      case 'ddl':
        return this.#ddl(statement)
      case 'other':
        this.#statementDone()
    }
  }

  #ddl({ statement, opensTransaction }: Extract<Statement, { tag: 'ddl' }>): void | Promise<void> {
    if (this.#ddlWithoutEffect) {
      this.commit()
      return
    }
    if (opensTransaction) this.#ending = 'explicit'
    // Each table it names is an event of its own; rows of the same transaction (CREATE TABLE … SELECT) come behind them.
    this.#nextSeq += Math.max(1, statement.tables.length)
    this.#deps.schemas.invalidate(statement)
    this.tables.forgetResolved()
    this.#begin()
    const pending = this.#deps.handler.ddl(statement)
    if (pending !== undefined) return pending.then(() => this.#statementDone())
    this.#statementDone()
  }

  /** A statement that is a transaction of its own has ended it. */
  #statementDone(): void {
    if (this.#ending === 'statement') this.commit()
  }

  #begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#deps.handler.begin(this.#transaction!)
  }

  /** The GTID counts as executed from here on (invariant 4), and the position moves behind the event being read. */
  commit(): void {
    if (this.#transaction === null) throw corrupt('the end of a transaction that has no beginning')
    this.#begin()
    this.#deps.handler.commit(this.#close())
  }

  #rollback(): void {
    if (this.#transaction === null) throw corrupt('a ROLLBACK outside a transaction')
    this.#begin()
    this.#deps.handler.rollback(this.#close())
  }

  #close(): ReturnType<PositionTracker['resumable']> {
    const { position } = this.#deps
    position.executed.commit(this.#transaction!.gtid)
    this.drop()
    position.markBoundary()
    return position.resumable()
  }

  #rollbackTo(name: string): void {
    const seq = this.#savepoints?.get(name)
    if (seq === undefined) throw corrupt(`ROLLBACK TO SAVEPOINT ${name}, which was not set,`)
    if (!this.#begun) return
    const { handler } = this.#deps
    // Delivering what was rolled back is worse than stopping (invariant 3).
    if (handler.rollbackTo === undefined) throw corrupt('ROLLBACK TO SAVEPOINT, which this reader cannot undo,')
    handler.rollbackTo(seq)
  }

  /** XA PREPARE, or XA COMMIT … ONE PHASE. */
  #prepare(onePhase: boolean): void | Promise<void> {
    const xa = this.#xa
    if (xa === null || this.#transaction === null) throw corrupt('no XA START before it')
    if (onePhase) return this.#release(xa.events)
    this.#xa = null
    this.#deps.position.prepare({ xid: xa.xid, gtid: this.#transaction.gtid, events: xa.events })
    this.#transaction = null
    this.#deps.handler.advance(this.#deps.position.resumable())
  }

  #xaCommit(xid: string): void | Promise<void> {
    // MariaDB writes a one-phase commit as a statement behind the rows.
    if (this.#xa !== null) return this.#release(this.#xa.events)
    const prepared = this.#deps.position.takePrepared(xid)
    if (prepared !== null) return this.#release(prepared.events, prepared)
    this.#deps.warn(
      'BINGO_XA_UNKNOWN',
      `XA COMMIT ${xid}: it was prepared before the place where reading began, so its changes are not seen`,
    )
    this.commit()
  }

  /** The rows of an XA transaction become those of the transaction that commits it. */
  async #release(events: EventSpool, prepared?: PreparedXa): Promise<void> {
    this.#xa = null
    try {
      await events.replay((type, buffer, start, end) => {
        const pending = this.take(type, buffer, start, end)
        return typeof pending === 'boolean' ? undefined : pending
      })
    } catch (error) {
      // Read again after a reconnect, the outcome must find the rows.
      if (prepared !== undefined) this.#deps.position.prepared.add(prepared)
      throw error
    }
    events.close()
    this.commit()
  }

  #rowsQuery(type: number, buffer: Buffer, start: number, end: number): void {
    if (this.#xa !== null) {
      this.#xa.events.append(type, buffer, start, end)
      return
    }
    if (this.#transaction === null) return
    // MySQL puts a length byte in front that is too short for long statements; the event's end is what counts.
    const textStart = type === EventType.ROWS_QUERY ? start + 1 : start
    this.#transaction.query = buffer.toString('utf8', Math.min(textStart, end), end)
  }
}
