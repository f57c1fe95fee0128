import type { SqlToken } from './tokens.ts'

/** The tokens between top-level commas; a semicolon at the end is left out. */
export function splitClauses(tokens: readonly SqlToken[]): SqlToken[][] {
  const clauses: SqlToken[][] = [[]]
  let depth = 0
  for (const [i, token] of tokens.entries()) {
    if (isMark(token, '(')) depth++
    if (isMark(token, ')')) depth--
    if (isMark(token, ',') && depth === 0) clauses.push([])
    else if (!(isMark(token, ';') && i === tokens.length - 1)) clauses.at(-1)!.push(token)
  }
  return clauses
}

/**
 * A clause as a line that patterns can be held against: words in upper case, a string as '', what stands in brackets as
 * (), a quoted name in backticks and without spaces. Nothing that was quoted can be taken for a word.
 */
export function outline(clause: readonly SqlToken[]): string {
  const parts: string[] = []
  let depth = 0
  for (const token of clause) {
    if (isMark(token, ')')) depth--
    if (depth === 0) parts.push(shown(token))
    if (isMark(token, '(')) depth++
  }
  return parts.join(' ').replaceAll('( )', '()')
}

function shown(token: SqlToken): string {
  switch (token.kind) {
    case 'word':
      return token.text.toUpperCase()
    case 'string':
      return "''"
    case 'name':
      return `\`${token.text.toUpperCase().replaceAll(/[\s`]/g, '_')}\``
    case 'mark':
      return token.text
  }
}

function isMark(token: SqlToken, mark: string): boolean {
  return token.kind === 'mark' && token.text === mark
}
