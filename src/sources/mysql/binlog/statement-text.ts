import { isUtf8 } from 'node:buffer'
import type { Flavour } from '../../../model/table/table.ts'
import { charsetOfCollation } from './charset/collations.ts'
import { decoderOfCharset } from './charset/charsets.ts'
import { uncompressed } from './compression/mariadb-compression.ts'
import { EventType } from './format/event-types.ts'
import { isStatement, readLoadQuery, readQuery, readSession } from './query-event.ts'
import type { QueryParts, QuerySession } from './query-event.ts'
import { isDecoded } from '../sql/names.ts'
import { readStatement } from '../sql/statement.ts'
import type { Statement } from '../sql/meaning.ts'

/** A statement may be as large as a packet, and goes out with each of its rows: beyond this it is cut. */
const LONGEST_LOGGED_BYTES = 1024 * 1024

const BEGIN: Statement = { tag: 'begin' }
const COMMIT: Statement = { tag: 'commit' }

/**
 * What servers write themselves for CREATE TABLE … SELECT, whatever the session's character set is: in UTF-8 (MySQL 9.7
 * and MariaDB 10.11, although the event says latin1).
 */
const SERVER_WRITTEN = /^CREATE (?:OR REPLACE )?TABLE (?:IF NOT EXISTS )?(?:`[^`]+`\.)?`[^`]+` \(\n {2}/
const SERVER_WRITTEN_HEAD_BYTES = 1024

/** Reads the SQL text in events as the session that wrote it meant it. */
export class StatementReader {
  readonly #flavour: Flavour
  readonly #foldsNames: () => boolean
  /** Character set of the statements in the transaction at hand; 0 = the server does not tell. */
  #collation = 0

  constructor(flavour: Flavour, foldsNames: () => boolean) {
    this.#flavour = flavour
    this.#foldsNames = foldsNames
  }

  /** Another transaction begins, perhaps of another session. */
  restart(): void {
    this.#collation = 0
  }

  /** What a QUERY event with this body says. The two statements around every transaction are told without decoding. */
  query(type: number, buffer: Buffer, start: number, end: number): Statement {
    const parts = readQuery(buffer, start, end)
    if (type === EventType.MARIADB_QUERY_COMPRESSED) {
      const sql = uncompressed(buffer, parts.sqlStart, end)
      return this.#read(buffer, parts, sql, 0, sql.length)
    }
    if (isStatement(buffer, parts, 'BEGIN')) {
      this.#collation = readSession(buffer, parts).collation
      return BEGIN
    }
    if (isStatement(buffer, parts, 'COMMIT')) return COMMIT
    return this.#read(buffer, parts, buffer, parts.sqlStart, parts.sqlEnd)
  }

  /** The LOAD DATA statement of an EXECUTE_LOAD_QUERY event. */
  loadQuery(buffer: Buffer, start: number, end: number): Statement {
    const parts = readLoadQuery(buffer, start, end)
    const statement = this.#read(buffer, parts, buffer, parts.sqlStart, parts.sqlEnd)
    return statement.tag === 'rowsUnseen'
      ? statement
      : { tag: 'rowsUnseen', verb: 'LOAD DATA', tables: null, selfContained: false }
  }

  /**
   * The statement in a ROWS_QUERY or ANNOTATE_ROWS event, up to 1 MiB of it. MySQL tells its character set with the
   * BEGIN before it; MariaDB does not, so that there it is read as UTF-8.
   */
  logged(type: number, buffer: Buffer, start: number, end: number): string {
    // MySQL puts a length byte in front that is too short for long statements; the event's end is what counts.
    const textStart = Math.min(type === EventType.ROWS_QUERY ? start + 1 : start, end)
    let textEnd = end
    if (end - textStart > LONGEST_LOGGED_BYTES) {
      textEnd = textStart + LONGEST_LOGGED_BYTES
      // Not inside a character: bytes 10xxxxxx continue one.
      while ((buffer[textEnd]! & 0xc0) === 0x80) textEnd--
    }
    return decode(buffer, textStart, textEnd, this.#collation)
  }

  #read(buffer: Buffer, parts: QueryParts, text: Buffer, start: number, end: number): Statement {
    // Kept in UTF-8, whatever the session's character set is.
    const schema = buffer.toString('utf8', parts.schemaStart, parts.schemaEnd)
    const session = readSession(buffer, parts)
    const statement = readStatement(textOf(text, start, end, session), schema, {
      ansiQuotes: session.ansiQuotes,
      backslashEscapes: session.backslashEscapes,
      mariadbComments: this.#flavour === 'mariadb',
      foldNames: this.#foldsNames(),
    })
    if (statement.tag !== 'ddl' || statement.statement.tables.every(isDecoded)) return statement
    // A name with bytes that mean nothing could be that of any table.
    return { ...statement, statement: { ...statement.statement, tables: [] } }
  }
}

function textOf(text: Buffer, start: number, end: number, { collation }: QuerySession): string {
  const head = text.toString('latin1', start, Math.min(end, start + SERVER_WRITTEN_HEAD_BYTES))
  const inUtf8 = SERVER_WRITTEN.test(head) && isUtf8(text.subarray(start, end))
  return decode(text, start, end, inUtf8 ? 0 : collation)
}

function decode(text: Buffer, start: number, end: number, collation: number): string {
  const charset = charsetOfCollation(collation)
  // To the server the names in a binary text are UTF-8.
  if (charset === undefined || charset === 'binary') return text.toString('utf8', start, end)
  return decoderOfCharset(charset)(text, start, end)
}
