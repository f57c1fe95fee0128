import type { SchemaResolver, TransactionHandler } from '../../../../model/source/binlog-stream.ts'
import type { Transaction } from '../../../../model/event/change.ts'
import { corrupt } from '../format/corrupt-event.ts'
import type { EventSpool } from './event-spool.ts'
import { EventType } from '../format/event-types.ts'
import { OpenTransaction } from './open-transaction.ts'
import type { Ending } from './open-transaction.ts'
import type { PositionTracker } from './position-tracker.ts'
import type { PreparedXa } from './prepared-xa.ts'
import { rowsKind } from '../rows/rows-event.ts'
import type { RowsKind } from '../rows/rows-event.ts'
import { VersionedRows } from '../rows/versioned-rows.ts'
import type { Statement } from '../../sql/meaning.ts'
import { StatementReader } from '../statement-text.ts'
import { TableCache } from '../tables/table-cache.ts'
import { TransactionRows } from './transaction-rows.ts'
import { UnseenStatements } from './unseen-statements.ts'
import type { UnseenStatementsDeps } from './unseen-statements.ts'
import { XaTransactions } from './xa-transactions.ts'
import type { TransactionBufferLimits } from './xa-transactions.ts'

export interface AssemblerDeps extends Pick<UnseenStatementsDeps, 'warn' | 'stats' | 'ignores'> {
  readonly handler: TransactionHandler
  readonly schemas: SchemaResolver
  readonly position: PositionTracker
  readonly limits: TransactionBufferLimits
  /** Whether the server keeps names in lower case (lower_case_table_names). */
  readonly foldsNames: () => boolean
}

/**
 * Puts events together to transactions and tells the handler. An event's body is taken without header and checksum, and
 * may come from the stream, from a compressed payload, or from a prepared XA transaction.
 */
export class TransactionAssembler {
  readonly tables: TableCache
  readonly #deps: AssemblerDeps
  readonly #transaction: OpenTransaction
  readonly #rows: TransactionRows
  readonly #versions = new VersionedRows()
  readonly #xa: XaTransactions
  readonly #statements: StatementReader
  readonly #unseen: UnseenStatements
  /** ALTER in two phases: the statement at hand has changed nothing (yet). */
  #ddlWithoutEffect = false

  constructor(deps: AssemblerDeps) {
    this.#deps = deps
    this.tables = new TableCache(deps.schemas, (table) => deps.handler.wants(table))
    this.#transaction = new OpenTransaction(deps.handler, deps.position)
    this.#rows = new TransactionRows(this.tables)
    this.#xa = new XaTransactions(deps.position, deps.limits)
    this.#statements = new StatementReader(deps.position.flavour, deps.foldsNames)
    this.#unseen = new UnseenStatements({ ...deps, flavour: deps.position.flavour })
  }

  get inTransaction(): boolean {
    return this.#transaction.current !== null
  }

  /** A GTID event, or the first statement where there are none. */
  open(transaction: Transaction, ending: Ending, ddlWithoutEffect = false): void {
    const { current, begun } = this.#transaction
    if (current !== null) {
      if (begun || this.#xa.isOpen) throw corrupt(`the transaction ${current.id} has no end`)
      this.#transaction.commit()
    }
    this.#transaction.open(transaction, ending)
    this.#rows.restart()
    this.#statements.restart()
    this.#ddlWithoutEffect = ddlWithoutEffect
  }

  /** Forgets the transaction at hand: it will be read again from its start, or never ends. */
  drop(): void {
    this.#transaction.drop()
    this.#xa.drop()
  }

  /** The server did not live to write the end of the transaction: it was never committed. */
  abandon(): void {
    this.#transaction.abandon()
    this.#xa.drop()
  }

  /** The rows that follow are committed later, if at all: XA START, or MariaDB's GTID event of such a transaction. */
  startXa(xid: string): void {
    this.#transaction.ending = 'explicit'
    this.#xa.start(xid)
  }

  /** Takes an event that stands inside a transaction; false when it is of no such type. */
  take(type: number, buffer: Buffer, start: number, end: number): boolean | Promise<void> {
    if (this.#xa.isOpen && this.#xa.setAside(type, buffer, start, end)) return true
    const kind = rowsKind(type)
    if (kind !== undefined) return this.#takeRows(kind, buffer, start, end) ?? true
    switch (type) {
      case EventType.TABLE_MAP:
        return this.tables.map(buffer, start, end, this.#deps.position.flavour) ?? true
      case EventType.QUERY:
      case EventType.MARIADB_QUERY_COMPRESSED:
        return this.#query(type, buffer, start, end) ?? true
      case EventType.XID:
        return this.#commit() ?? true
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
      case EventType.APPEND_BLOCK:
      case EventType.DELETE_FILE:
        // The file of a LOAD DATA statement, which comes behind it unless it failed.
        return true
      case EventType.EXECUTE_LOAD_QUERY:
        return this.#statement(this.#statements.loadQuery(buffer, start, end)) ?? true
      default:
        return false
    }
  }

  #takeRows(kind: RowsKind, buffer: Buffer, start: number, end: number): void | Promise<void> {
    if (this.#transaction.current === null) throw corrupt('rows outside a transaction')
    const block = this.#rows.take(kind, buffer, start, end)
    if (block === null) return
    this.#transaction.begin()
    if (block.table.rowEnd !== undefined) return this.#versions.pass(block, this.#deps.handler)
    return this.#deps.handler.rows(block)
  }

  #query(type: number, buffer: Buffer, start: number, end: number): void | Promise<void> {
    const statement = this.#statements.query(type, buffer, start, end)
    // Savepoints count the rows before them, which are not delivered yet.
    const withRows = statement.tag === 'savepoint' || statement.tag === 'rollbackTo'
    if (this.#xa.isOpen && withRows) this.#xa.append(type, buffer, start, end)
    else return this.#statement(statement)
  }

  #statement(statement: Statement): void | Promise<void> {
    switch (statement.tag) {
      case 'begin':
        this.#transaction.ending = 'explicit'
        return
      case 'commit':
        return this.#commit()
      case 'rollback':
        this.#xa.drop()
        this.#transaction.rollback()
        return
      case 'savepoint':
        this.#rows.savepoint(statement.name)
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
        this.#xa.drop()
        this.#xa.takePrepared(statement.xid)?.events.close()
        this.#transaction.commit()
        return
      case 'rowsUnseen':
        this.#unseen.skip(statement, this.#transaction.current?.id ?? '')
        this.#statementDone()
        return
      case 'ddl':
        return this.#ddl(statement)
      case 'other':
        this.#statementDone()
    }
  }

  #ddl({ statement, opensTransaction }: Extract<Statement, { tag: 'ddl' }>): void | Promise<void> {
    if (this.#ddlWithoutEffect) {
      this.#transaction.commit()
      return
    }
    if (opensTransaction) this.#transaction.ending = 'explicit'
    // Each table it names is an event of its own; rows of the same transaction (CREATE TABLE … SELECT) come behind them.
    const firstSeq = this.#rows.skip(Math.max(1, statement.tables.length))
    this.#deps.schemas.invalidate(statement)
    this.tables.forgetResolved()
    this.#transaction.begin()
    const pending = this.#deps.handler.ddl(statement, firstSeq)
    if (pending !== undefined) return pending.then(() => this.#statementDone())
    this.#statementDone()
  }

  /** A statement that is a transaction of its own has ended it. */
  #statementDone(): void {
    if (this.#transaction.ending === 'statement') this.#transaction.commit()
  }

  #rollbackTo(name: string): void {
    const seq = this.#rows.seqOf(name)
    if (!this.#transaction.begun) return
    const { handler } = this.#deps
    // Delivering what was rolled back is worse than stopping (invariant 3).
    if (handler.rollbackTo === undefined) throw corrupt('ROLLBACK TO SAVEPOINT, which this reader cannot undo')
    handler.rollbackTo(seq)
  }

  /** Of an XA transaction that is still open this is the commit in one phase. */
  #commit(): void | Promise<void> {
    if (this.#xa.isOpen) return this.#release(this.#xa.takeOpen())
    this.#transaction.commit()
  }

  /** XA PREPARE, or XA COMMIT … ONE PHASE. */
  #prepare(onePhase: boolean): void | Promise<void> {
    const { current } = this.#transaction
    if (!this.#xa.isOpen || current === null) throw corrupt('no XA START before it')
    if (onePhase) return this.#commit()
    this.#xa.prepare(current.gtid)
    this.#transaction.drop()
    this.#deps.handler.advance(this.#deps.position.resumable())
  }

  #xaCommit(xid: string): void | Promise<void> {
    // MariaDB writes a one-phase commit as a statement behind the rows.
    if (this.#xa.isOpen) return this.#commit()
    const prepared = this.#xa.takePrepared(xid)
    if (prepared !== null) return this.#release(prepared.events, prepared)
    this.#deps.warn(
      'BINGO_XA_UNKNOWN',
      `XA COMMIT ${xid}: prepared before the start position, so its changes are unknown`,
    )
    this.#transaction.commit()
  }

  /** The rows of an XA transaction become those of the transaction that commits it. */
  async #release(events: EventSpool, prepared?: PreparedXa): Promise<void> {
    try {
      await events.replay((type, buffer, start, end) => {
        const pending = this.take(type, buffer, start, end)
        return typeof pending === 'boolean' ? undefined : pending
      })
    } catch (error) {
      if (prepared === undefined) events.close()
      else this.#xa.putBack(prepared)
      throw error
    }
    events.close()
    this.#transaction.commit()
  }

  #rowsQuery(type: number, buffer: Buffer, start: number, end: number): void {
    const { current } = this.#transaction
    if (current !== null) current.query = this.#statements.logged(type, buffer, start, end)
  }
}
