import { SqlTokens } from '../sql/tokens.ts'

/** What servers escape in a value besides the quote, which they double (append_unescaped in sql/sql_show.cc and others). */
const ESCAPES: { readonly [letter: string]: string } = { '0': '\0', n: '\n', r: '\r' }

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
    values.push(unescapeValue(token.text))
    if (tokens.skipMark(')')) return values
    if (!tokens.skipMark(',')) return undefined
  }
}

/** Undoes the escapes of a value whose quotes are undone already. */
export function unescapeValue(text: string): string {
  return text.replaceAll(/\\([^])/g, (_, letter: string) => ESCAPES[letter] ?? letter)
}
