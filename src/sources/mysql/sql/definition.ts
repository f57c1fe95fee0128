import { readList, readName, skipExistence } from './names.ts'
import type { StatementText, TableName } from './names.ts'
import { ddl } from './meaning.ts'
import type { Statement } from './meaning.ts'
import type { SqlTokens } from './tokens.ts'

export const TABLE_WORDS = ['TABLE', 'TABLES', 'SEQUENCE'] as const

/** Words between CREATE, ALTER or DROP and the kind of thing. */
const OPTIONS = ['OR', 'REPLACE', 'ONLINE', 'OFFLINE', 'IGNORE', 'UNIQUE', 'FULLTEXT', 'SPATIAL', 'VECTOR'] as const

/** Things whose definitions neither hold rows nor change them, and the words before them. */
const HARMLESS = new Set(
  'AGGREGATE ALGORITHM DATABASE DEFINER EVENT FUNCTION INSTANCE JSON LIBRARY LOGFILE PACKAGE PREPARE PROCEDURE REFERENCE RESOURCE ROLE SCHEMA SERVER SQL TABLESPACE TRIGGER UNDO USER VIEW'.split(
    ' ',
  ),
)

/** What follows CREATE, ALTER or DROP. */
export function readDefinition(verb: string, tokens: SqlTokens, text: StatementText): Statement {
  let temporary = false
  for (;;) {
    if (tokens.skip('TEMPORARY')) temporary = true
    else if (!tokens.skip(...OPTIONS)) break
  }
  if (tokens.skip(...TABLE_WORDS)) return temporary ? { tag: 'other' } : readTable(verb, tokens, text)
  if (tokens.skip('INDEX')) return ddl('ddl', text, readIndexed(tokens, text))
  if (verb === 'DROP' && tokens.skip('DATABASE', 'SCHEMA')) {
    skipExistence(tokens)
    return ddl('ddl', { ...text, schema: tokens.next()?.text ?? text.schema }, [])
  }
  return HARMLESS.has(tokens.peekWord()) ? { tag: 'other' } : ddl('ddl', text, [])
}

function readTable(verb: string, tokens: SqlTokens, text: StatementText): Statement {
  skipExistence(tokens)
  if (verb === 'DROP') {
    return ddl('ddl', text, readList(tokens, text, 'RESTRICT', 'CASCADE', 'WAIT', 'NOWAIT'))
  }
  const first = readName(tokens, text)
  if (first === null) return ddl('ddl', text, [])
  const further = verb === 'ALTER' ? readAltered(tokens, text) : readLike(tokens, text)
  const opensTransaction = verb === 'CREATE' && /\sSTART\s+TRANSACTION\s*$/i.test(text.sql)
  return ddl('ddl', text, further === null ? [] : [first, ...further], opensTransaction)
}

/** `a TO b, c TO d`; MariaDB allows IF EXISTS and WAIT. */
export function readRenames(tokens: SqlTokens, text: StatementText): TableName[] {
  const tables: TableName[] = []
  skipExistence(tokens)
  do {
    const from = readName(tokens, text)
    if (tokens.skip('WAIT')) tokens.next()
    tokens.skip('NOWAIT')
    const to = tokens.skip('TO') ? readName(tokens, text) : null
    // Better no table, which stands for any, than half of them.
    if (from === null || to === null) return []
    tables.push(from, to)
  } while (tokens.skipMark(','))
  return tables
}

/** Behind the name: `LIKE other`, `(LIKE other)`. Null when the other one cannot be told. */
function readLike(tokens: SqlTokens, text: StatementText): TableName[] | null {
  tokens.skipMark('(')
  if (!tokens.skip('LIKE')) return []
  const name = readName(tokens, text)
  return name === null ? null : [name]
}

/**
 * Other tables that an ALTER TABLE touches: RENAME TO, EXCHANGE PARTITION … WITH TABLE, and MariaDB's CONVERT TABLE and
 * CONVERT PARTITION … TO TABLE. Null when one cannot be told.
 */
function readAltered(tokens: SqlTokens, text: StatementText): TableName[] | null {
  const tables: TableName[] = []
  while (tokens.peek() !== null) {
    if (!namesTable(tokens)) continue
    const name = readName(tokens, text)
    if (name === null) return null
    tables.push(name)
  }
  return tables
}

/** Takes one step; true when a table's name comes next. */
function namesTable(tokens: SqlTokens): boolean {
  if (tokens.skip('RENAME')) {
    if (tokens.skip('COLUMN', 'INDEX', 'KEY', 'CONSTRAINT')) return false
    tokens.skip('TO', 'AS')
    tokens.skipMark('=')
    return true
  }
  if (tokens.skip('WITH', 'CONVERT')) return tokens.skip('TABLE')
  if (tokens.skip('TO')) return tokens.skip('TABLE')
  tokens.next()
  return false
}

/** CREATE or DROP INDEX name … ON table. */
function readIndexed(tokens: SqlTokens, text: StatementText): TableName[] {
  while (tokens.peek() !== null) {
    if (tokens.skip('ON')) {
      const name = readName(tokens, text)
      return name === null ? [] : [name]
    }
    tokens.next()
  }
  return []
}
