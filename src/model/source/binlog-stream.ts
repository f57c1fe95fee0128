import type { Transaction } from '../event/change.ts'
import type { RowOp } from '../event/row.ts'
import type { SourcePosition } from './position.ts'
import type { Flavour, TableDef } from '../table/table.ts'

/**
 * What the source hands bytes to. One call = one whole binlog event (header + body + checksum, without the
 * network status byte), in order. When a promise comes back, the next call waits for it.
 */
export interface EventFeed {
  feed(buffer: Buffer, start: number, end: number): void | Promise<void>
  /** The connection is gone; what was read of an unfinished transaction will be sent again from its start. */
  interrupted(): void
}

/**
 * A rows event, ready to be decoded. One mutable object is reused for every event: read it during the call only.
 * Row images lie in `buffer[start, end)`; decode with `compileRowDecoder` (sources/mysql/binlog/rows/row-decoder.ts).
 */
export interface RowsBlock {
  table: TableDef
  op: RowOp
  buffer: Buffer
  start: number
  end: number
  /** Columns present in the before and after image, one bit per column, little-endian, as in the event. */
  presentOld: PresentColumns
  presentNew: PresentColumns
  /** PARTIAL_UPDATE_ROWS_EVENT: after images carry JSON diffs. */
  partialJson: boolean
  /** Ordinal (`seq`) of the block's first row in its transaction; does not depend on which tables rules name. */
  firstSeq: number
}

/** Interned: the same set of columns is the same object, so that decoders can be cached by identity. */
export interface PresentColumns {
  readonly all: boolean
  has(column: number): boolean
}

/** Transactions as the binlog tells them, one after the other. Implemented by the pipeline. */
export interface TransactionHandler {
  /** A transaction starts. `buffered` ones (XA, replayed at commit) look like any other. */
  begin(transaction: Transaction): void
  rows(block: RowsBlock): void | Promise<void>
  /**
   * A committed DDL statement or TRUNCATE, outside or as its own transaction (between begin and commit). Each table that
   * it names is an event: `firstSeq` is the ordinal of the first one.
   */
  ddl(statement: DdlStatement, firstSeq: number): void | Promise<void>
  /** The transaction is committed; `end` is the first safe place to resume. */
  commit(end: SourcePosition): void
  /** The transaction ended by ROLLBACK; nothing of it may be delivered. */
  rollback(end: SourcePosition): void
  /** ROLLBACK TO SAVEPOINT inside the transaction: its rows from this `seq` on were never committed. */
  rollbackTo?(seq: number): void
  /** Something without changes moved the position (rotate, heartbeat, ignorable event outside a transaction). */
  advance(end: SourcePosition): void
  /** A named table that no rule reads costs only this question, asked once per TableDef. */
  wants(table: TableDef): boolean
}

export interface DdlStatement {
  readonly kind: 'truncate' | 'ddl'
  /** Default database of the session. */
  readonly schema: string
  /** Tables that the statement names, spelled as rows have them; empty where that could not be told. */
  readonly tables: readonly { readonly schema: string; readonly table: string }[]
  readonly sql: string
  /** How `sql` is to be read. */
  readonly session: SqlSession
}

/** What of a session and its server decides what the text of a statement means. */
export interface SqlSession {
  /** ANSI_QUOTES in sql_mode: double quotes stand around names. */
  readonly ansiQuotes: boolean
  /** False with NO_BACKSLASH_ESCAPES in sql_mode. */
  readonly backslashEscapes: boolean
  /** MariaDB: the content of comments that begin with `M!` counts. */
  readonly mariadbComments: boolean
  /** Table and schema names are kept in lower case (lower_case_table_names other than 0). */
  readonly foldNames: boolean
}

/** Gives the columns of a table whose TABLE_MAP does not name them (binlog_row_metadata other than FULL). */
export interface SchemaResolver {
  /**
   * Columns right for the position being read, or a BingoError that says what to set on the server.
   * `wire` has types, metas and nullability as in the TABLE_MAP; the answer adds names, signedness, collations,
   * values and key, checked against it.
   */
  resolve(wire: WireTable): TableDef | Promise<TableDef>
  /**
   * Adds to a table whose TABLE_MAP names its columns what it does not tell (MariaDB's UUID and INET types look like
   * binary strings). Asked once per shape; answers the same table where there is nothing to add.
   */
  enrich?(table: TableDef): TableDef | Promise<TableDef>
  /** A DDL passed by: what was known of these tables may no longer hold. */
  invalidate(statement: DdlStatement): void
}

export interface WireTable {
  readonly schema: string
  readonly name: string
  readonly flavour: Flavour
  /** Type codes with STRING already resolved to ENUM/SET/STRING. */
  readonly types: Uint8Array
  readonly metas: readonly number[]
  readonly nullable: readonly boolean[]
  /** From optional metadata where present. */
  readonly unsigned: readonly boolean[] | null
  readonly collations: readonly number[] | null
}
