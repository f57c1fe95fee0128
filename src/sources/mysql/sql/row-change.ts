import { ddl } from './meaning.ts'
import type { Statement } from './meaning.ts'
import { callsNobodyKnows } from './functions.ts'
import { isDecoded, readName } from './names.ts'
import type { StatementText, TableName } from './names.ts'
import type { SqlToken, SqlTokens } from './tokens.ts'

/** Statements that are in the binlog only because the server logs statements instead of rows. */
export const ROW_CHANGING = new Set('CALL DELETE DO EXECUTE INSERT LOAD MERGE REPLACE SELECT UPDATE WITH'.split(' '))
/** Words between such a verb and the table. */
const OPTIONS = ['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'QUICK', 'IGNORE', 'INTO', 'FROM'] as const
/** Verbs with the table right behind them. */
const WITH_TABLE = new Set(['DELETE', 'INSERT', 'REPLACE', 'UPDATE'])
/** Not replicated data: the server's own tables. */
const SYSTEM_SCHEMAS = new Set(['mysql', 'sys', 'performance_schema', 'information_schema'])

/** What may follow the one table of a DELETE or UPDATE; anything else may name further tables. */
const BEHIND_ONE: { readonly [verb: string]: ReadonlySet<string> } = {
  DELETE: new Set(['WHERE', 'ORDER', 'LIMIT', 'RETURNING']),
  UPDATE: new Set(['SET']),
}

/** What follows one of `ROW_CHANGING`. */
export function readRowChange(verb: string, tokens: SqlTokens, text: StatementText): Statement {
  if (verb === 'LOAD') return readLoad(tokens, text)
  while (tokens.skip(...OPTIONS)) {
    // Options and the preposition come before the name.
  }
  if (!WITH_TABLE.has(verb)) return { tag: 'rowsUnseen', verb, tables: null, selfContained: false }
  const target = readName(tokens, text)
  if (target !== null && SYSTEM_SCHEMAS.has(target.schema.toLowerCase())) return { tag: 'other' }
  // How servers tell that a MEMORY table is empty after a restart.
  if (verb === 'DELETE' && target !== null && (tokens.peek() === null || tokens.skipMark(';'))) {
    return ddl('truncate', text, [target])
  }
  const rest = tokens.takeAll()
  const isOnlyOne = target !== null && isDecoded(target) && !namesFurther(verb, rest)
  return { tag: 'rowsUnseen', verb, tables: isOnlyOne ? [target] : null, selfContained: !callsNobodyKnows(rest) }
}

/** LOAD DATA … INTO TABLE name. */
function readLoad(tokens: SqlTokens, text: StatementText): Statement {
  let target: TableName | null = null
  while (tokens.peek() !== null && target === null) {
    if (tokens.skip('INTO') && tokens.skip('TABLE')) target = readName(tokens, text)
    else tokens.next()
  }
  const tables = target !== null && isDecoded(target) ? [target] : null
  return { tag: 'rowsUnseen', verb: 'LOAD DATA', tables, selfContained: !callsNobodyKnows(tokens.takeAll()) }
}

/** Whether a DELETE or UPDATE may change other tables than the first; an INSERT changes one. */
function namesFurther(verb: string, rest: readonly SqlToken[]): boolean {
  const behind = BEHIND_ONE[verb]
  if (behind === undefined) return false
  let at = isWord(rest[0], 'AS') ? 2 : 0
  // An alias without AS.
  if (at === 0 && rest[0] !== undefined && rest[0].kind !== 'mark' && !behind.has(rest[0].text.toUpperCase())) at = 1
  const next = rest[at]
  return next !== undefined && !(next.kind === 'word' && behind.has(next.text.toUpperCase()))
}

function isWord(token: SqlToken | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word
}
