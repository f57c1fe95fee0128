import { SqlTokens } from '../binlog/sql-tokens.ts'

/**
 * The values in `enum('a','it''s','c,d')` or `set(…)`, which may hold commas, quotes, brackets and backslashes.
 * Undefined when the text is not of that form.
 */
export function parseColumnValues(columnType: string): readonly string[] | undefined {
  const tokens = new SqlTokens(columnType)
  if (!tokens.skip('ENUM', 'SET') || !tokens.skipMark('(')) return undefined
  const values: string[] = []
  for (;;) {
    const token = tokens.next()
    if (token?.kind !== 'string') return undefined
    values.push(token.text)
    if (tokens.skipMark(')')) return values
    if (!tokens.skipMark(',')) return undefined
  }
}
