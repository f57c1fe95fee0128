import type { SqlTokens } from './tokens.ts'

/**
 * Takes what may stand around a statement and leaves the statement: brackets, MariaDB's `SET STATEMENT variable = value, …
 * FOR` and `ANALYZE [FORMAT = JSON]`, which carry out what follows and are logged with it.
 *
 * `ownMode`: sql_mode is among the variables, so the text was read with another mode than its event tells.
 * `unclear`: a wrapper that has no end.
 */
export function unwrap(tokens: SqlTokens): 'plain' | 'ownMode' | 'unclear' {
  let answer: 'plain' | 'ownMode' = 'plain'
  for (;;) {
    switch (tokens.peekWord()) {
      case 'SET': {
        const taken = takeSetStatement(tokens)
        if (taken === 'unclear') return taken
        if (taken === 'none') return answer
        if (taken === 'ownMode') answer = taken
        break
      }
      case 'ANALYZE':
        if (!takeAnalyze(tokens)) return answer
        break
      case '':
        if (!tokens.skipMark('(')) return answer
        break
      default:
        return answer
    }
  }
}

/** `none`: a plain SET, which changes no rows. */
function takeSetStatement(tokens: SqlTokens): 'plain' | 'ownMode' | 'unclear' | 'none' {
  const set = tokens.next()!
  if (!tokens.skip('STATEMENT') || tokens.isMark('=') || tokens.isMark(':')) {
    tokens.putBack(set)
    return 'none'
  }
  let depth = 0
  let answer: 'plain' | 'ownMode' = 'plain'
  for (let token = tokens.next(); token !== null; token = tokens.next()) {
    if (token.kind === 'mark' && token.text === '(') depth++
    if (token.kind === 'mark' && token.text === ')') depth--
    if (token.text.toUpperCase() === 'SQL_MODE') answer = 'ownMode'
    if (depth === 0 && token.kind === 'word' && token.text.toUpperCase() === 'FOR') return answer
  }
  return 'unclear'
}

/** False for ANALYZE TABLE, which gathers statistics. */
function takeAnalyze(tokens: SqlTokens): boolean {
  const analyze = tokens.next()!
  if (tokens.skip('FORMAT')) {
    tokens.skipMark('=')
    tokens.next()
    return true
  }
  if (!['TABLE', 'TABLES', 'LOCAL', 'NO_WRITE_TO_BINLOG', ''].includes(tokens.peekWord())) return true
  tokens.putBack(analyze)
  return false
}
