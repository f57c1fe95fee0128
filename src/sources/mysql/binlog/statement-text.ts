import { EventType } from './format/event-types.ts'
import { uncompressed } from './compression/mariadb-compression.ts'
import { isStatement, readQuery } from './query-event.ts'
import type { QueryParts } from './query-event.ts'
import { readStatement } from '../sql/statement.ts'
import type { Statement } from '../sql/statement.ts'

/** A statement may be as large as a packet, and goes out with each of its rows: beyond this it is cut. */
const LONGEST_LOGGED_BYTES = 1024 * 1024

const BEGIN: Statement = { tag: 'begin' }
const COMMIT: Statement = { tag: 'commit' }

/** What a QUERY event with this body says. The two statements around every transaction are told without decoding. */
export function readQueryStatement(type: number, buffer: Buffer, start: number, end: number): Statement {
  const parts = readQuery(buffer, start, end)
  if (type === EventType.MARIADB_QUERY_COMPRESSED) {
    const sql = uncompressed(buffer, parts.sqlStart, end)
    return readStatement(sql.toString('utf8'), schemaOf(buffer, parts))
  }
  if (isStatement(buffer, parts, 'BEGIN')) return BEGIN
  if (isStatement(buffer, parts, 'COMMIT')) return COMMIT
  return readStatement(buffer.toString('utf8', parts.sqlStart, parts.sqlEnd), schemaOf(buffer, parts))
}

function schemaOf(buffer: Buffer, { schemaStart, schemaEnd }: QueryParts): string {
  return buffer.toString('utf8', schemaStart, schemaEnd)
}

/** The statement in a ROWS_QUERY or ANNOTATE_ROWS event, up to 1 MiB of it. */
export function loggedStatement(type: number, buffer: Buffer, start: number, end: number): string {
  // MySQL puts a length byte in front that is too short for long statements; the event's end is what counts.
  const textStart = Math.min(type === EventType.ROWS_QUERY ? start + 1 : start, end)
  let textEnd = end
  if (end - textStart > LONGEST_LOGGED_BYTES) {
    textEnd = textStart + LONGEST_LOGGED_BYTES
    // Not inside a character: bytes 10xxxxxx continue one.
    while ((buffer[textEnd]! & 0xc0) === 0x80) textEnd--
  }
  return buffer.toString('utf8', textStart, textEnd)
}
