import type { DdlStatement, SqlSession } from '../../../model/source/binlog-stream.ts'
import type { SqlTokens } from './tokens.ts'

export type TableName = DdlStatement['tables'][number]

/** A statement's text, and what of its session decides what the text means. */
export interface StatementText {
  readonly sql: string
  /** The session's default database. */
  readonly schema: string
  readonly session: SqlSession
}

/** What became of bytes that mean nothing in the character set of the statement. */
const UNDECODABLE = '\ufffd'

export function isDecoded({ schema, table }: TableName): boolean {
  return !schema.includes(UNDECODABLE) && !table.includes(UNDECODABLE)
}

/** The name as rows have it (`lower_case_table_names`). */
export function foldName(name: string, { foldNames }: SqlSession): string {
  // The server maps character by character, so that a dotted capital I becomes i alone.
  return foldNames ? name.replaceAll('İ', 'i').toLowerCase() : name
}

/** `db.table`, `table`, either quoted; null when the next token is not a name. */
export function readName(tokens: SqlTokens, { schema, session }: StatementText): TableName | null {
  const first = readPart(tokens)
  if (first === null) return null
  if (!tokens.skipMark('.')) return { schema: foldName(schema, session), table: foldName(first, session) }
  const second = readPart(tokens)
  return second === null ? null : { schema: foldName(first, session), table: foldName(second, session) }
}

function readPart(tokens: SqlTokens): string | null {
  const token = tokens.peek()
  if (token === null || token.kind === 'mark') return null
  tokens.next()
  return token.text
}

/** Names with commas between them, up to the end or one of these words. Better none, which stands for any, than half of them. */
export function readList(tokens: SqlTokens, text: StatementText, ...behind: readonly string[]): TableName[] {
  const tables: TableName[] = []
  do {
    const name = readName(tokens, text)
    if (name === null) return []
    tables.push(name)
  } while (tokens.skipMark(','))
  return tokens.peek() === null || tokens.isMark(';') || behind.includes(tokens.peekWord()) ? tables : []
}

export function skipExistence(tokens: SqlTokens): void {
  if (!tokens.skip('IF')) return
  tokens.skip('NOT')
  tokens.skip('EXISTS')
}
