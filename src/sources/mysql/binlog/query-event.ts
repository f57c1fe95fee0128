import { corrupt } from './format/corrupt-event.ts'
import { u16, u32 } from './format/little-endian.ts'

/** thread id u32 | seconds u32 | schema length u8 | error code u16 | length of the status variables u16. */
const QUERY_POST_HEADER_BYTES = 13

/** Codes of status variables, each followed by its value (Query_event). */
const FLAGS2 = 0
const SQL_MODE = 1
const AUTO_INCREMENT = 3
const CHARSET = 4
const TIME_ZONE = 5
const CATALOG = 6

/** Bits of sql_mode, the same on all servers. */
const ANSI_QUOTES = 1 << 2
const NO_BACKSLASH_ESCAPES = 1 << 20

/** Where the parts of a QUERY event lie (Query_event). One object is reused: read it at once. */
export interface QueryParts {
  varsStart: number
  varsEnd: number
  schemaStart: number
  schemaEnd: number
  sqlStart: number
  sqlEnd: number
}

const parts: QueryParts = { varsStart: 0, varsEnd: 0, schemaStart: 0, schemaEnd: 0, sqlStart: 0, sqlEnd: 0 }

/** Body: post-header | status variables | schema, NUL | statement up to the end. */
export function readQuery(buffer: Buffer, start: number, end: number): QueryParts {
  if (start + QUERY_POST_HEADER_BYTES > end) throw corrupt('no statement')
  return readParts(buffer, start, start + QUERY_POST_HEADER_BYTES, end)
}

/** file id u32 | start and end of the file name in the statement, u32 each | what to do with duplicates u8. */
const LOAD_POST_HEADER_BYTES = 13

/** An EXECUTE_LOAD_QUERY event (Execute_load_query_event): a QUERY event with more in its post-header. */
export function readLoadQuery(buffer: Buffer, start: number, end: number): QueryParts {
  const varsStart = start + QUERY_POST_HEADER_BYTES + LOAD_POST_HEADER_BYTES
  if (varsStart > end) throw corrupt('no statement')
  return readParts(buffer, start, varsStart, end)
}

function readParts(buffer: Buffer, start: number, varsStart: number, end: number): QueryParts {
  parts.varsStart = varsStart
  parts.varsEnd = varsStart + u16(buffer, start + 11)
  parts.schemaStart = parts.varsEnd
  parts.schemaEnd = parts.schemaStart + buffer[start + 8]!
  parts.sqlStart = parts.schemaEnd + 1
  parts.sqlEnd = end
  if (parts.sqlStart > end) throw corrupt('status variables or a schema name that go over the end')
  return parts
}

/** What the session told of itself. One object is reused: read it at once. */
export interface QuerySession {
  /** Collation id of character_set_client, in which the statement is written; 0 where the event does not tell. */
  collation: number
  ansiQuotes: boolean
  backslashEscapes: boolean
}

const session: QuerySession = { collation: 0, ansiQuotes: false, backslashEscapes: true }

/** Reads the status variables up to the character set, which servers write among the first; later ones are not needed. */
export function readSession(buffer: Buffer, { varsStart, varsEnd }: QueryParts): QuerySession {
  session.collation = 0
  session.ansiQuotes = false
  session.backslashEscapes = true
  for (let at = varsStart; at < varsEnd;) {
    const code = buffer[at]!
    const value = at + 1
    const next = endOfValue(code, buffer, value, varsEnd)
    if (next > varsEnd) throw corrupt('status variables that go over the end')
    if (code === SQL_MODE) {
      const mode = u32(buffer, value)
      session.ansiQuotes = (mode & ANSI_QUOTES) !== 0
      session.backslashEscapes = (mode & NO_BACKSLASH_ESCAPES) === 0
    } else if (code === CHARSET) session.collation = u16(buffer, value)
    at = next
  }
  return session
}

/** The end of the variables for codes that never stand before the character set. */
function endOfValue(code: number, buffer: Buffer, value: number, varsEnd: number): number {
  switch (code) {
    case FLAGS2:
    case AUTO_INCREMENT:
      return value + 4
    case SQL_MODE:
      return value + 8
    case CHARSET:
      return value + 6
    case CATALOG:
    case TIME_ZONE:
      return value < varsEnd ? value + 1 + buffer[value]! : value + 1
    default:
      return varsEnd
  }
}

/** Whether the statement is this word, in upper case as servers write it. */
export function isStatement(buffer: Buffer, { sqlStart, sqlEnd }: QueryParts, word: string): boolean {
  if (sqlEnd - sqlStart !== word.length) return false
  for (let i = 0; i < word.length; i++) if (buffer[sqlStart + i] !== word.charCodeAt(i)) return false
  return true
}
