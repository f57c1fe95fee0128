import { corrupt } from './format/corrupt-event.ts'
import { u16 } from './format/little-endian.ts'

/** thread id u32 | seconds u32 | schema length u8 | error code u16 | length of the status variables u16. */
const QUERY_POST_HEADER_BYTES = 13

/** Where the parts of a QUERY event lie (Query_event). One object is reused: read it at once. */
export interface QueryParts {
  schemaStart: number
  schemaEnd: number
  sqlStart: number
  sqlEnd: number
}

const parts: QueryParts = { schemaStart: 0, schemaEnd: 0, sqlStart: 0, sqlEnd: 0 }

/** Body: post-header | status variables | schema, NUL | statement up to the end. */
export function readQuery(buffer: Buffer, start: number, end: number): QueryParts {
  if (start + QUERY_POST_HEADER_BYTES > end) throw corrupt('no statement')
  parts.schemaStart = start + QUERY_POST_HEADER_BYTES + u16(buffer, start + 11)
  parts.schemaEnd = parts.schemaStart + buffer[start + 8]!
  parts.sqlStart = parts.schemaEnd + 1
  parts.sqlEnd = end
  if (parts.sqlStart > end) throw corrupt('status variables or a schema name that go over the end')
  return parts
}

/** Whether the statement is this word, in upper case as servers write it. */
export function isStatement(buffer: Buffer, { sqlStart, sqlEnd }: QueryParts, word: string): boolean {
  if (sqlEnd - sqlStart !== word.length) return false
  for (let i = 0; i < word.length; i++) if (buffer[sqlStart + i] !== word.charCodeAt(i)) return false
  return true
}
