import type { DdlStatement } from '../../../model/binlog-stream.ts'
import { SqlTokens } from './tokens.ts'

/** What the statement of a QUERY event means for the transaction it stands in. */
export type Statement =
  | { readonly tag: 'begin' | 'commit' | 'rollback' | 'xaEnd' }
  /** Changes no rows that anybody could listen to: GRANT, FLUSH, CREATE VIEW, temporary tables, comments. */
  | { readonly tag: 'other' }
  | { readonly tag: 'savepoint' | 'rollbackTo'; readonly name: string }
  | { readonly tag: 'xaStart' | 'xaRollback' | 'xaCommit'; readonly xid: string }
  | { readonly tag: 'ddl'; readonly statement: DdlStatement; readonly opensTransaction: boolean }
  /** Changes rows that the binlog does not show. */
  | { readonly tag: 'rowsUnseen'; readonly verb: string }

const OTHER: Statement = { tag: 'other' }

/** Statements that neither change rows nor the shape of tables. */
const HARMLESS = new Set(
  'ANALYZE BINLOG CACHE CHANGE CHECK CHECKSUM CLONE DEALLOCATE FLUSH GRANT HANDLER HELP INSTALL KILL LOCK OPTIMIZE PREPARE PURGE RELEASE REPAIR RESET REVOKE SET SHOW START STOP UNINSTALL UNLOCK USE'.split(
    ' ',
  ),
)
/** Statements that are in the binlog only because the server logs statements instead of rows. */
const ROW_CHANGING = new Set('CALL DELETE DO EXECUTE INSERT LOAD MERGE REPLACE SELECT UPDATE WITH'.split(' '))
/** Words between such a verb and the table. */
const ROW_CHANGING_OPTIONS = ['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'QUICK', 'IGNORE', 'INTO', 'FROM'] as const
/** Not replicated data: the server's own tables. */
const SYSTEM_SCHEMAS = new Set(['mysql', 'sys', 'performance_schema', 'information_schema'])
const TABLE_WORDS = ['TABLE', 'TABLES', 'SEQUENCE'] as const

type TableName = DdlStatement['tables'][number]

/** Classifies a statement; `schema` is the session's default database. */
export function readStatement(sql: string, schema: string): Statement {
  const tokens = new SqlTokens(sql)
  const verb = tokens.peekWord()
  tokens.next()
  switch (verb) {
    case '':
      return OTHER
    case 'BEGIN':
      return { tag: 'begin' }
    case 'COMMIT':
      return { tag: 'commit' }
    case 'ROLLBACK':
      return readRollback(tokens)
    case 'SAVEPOINT':
      return { tag: 'savepoint', name: savepointName(tokens) }
    case 'XA':
      return readXa(tokens)
    case 'TRUNCATE':
      tokens.skip('TABLE')
      return ddl('truncate', sql, schema, readList(tokens, schema))
    default:
      return readOther(verb, tokens, sql, schema)
  }
}

function readOther(verb: string, tokens: SqlTokens, sql: string, schema: string): Statement {
  if (verb === 'START' && tokens.skip('TRANSACTION')) return { tag: 'begin' }
  if (HARMLESS.has(verb)) return OTHER
  if (ROW_CHANGING.has(verb)) return readRowChange(verb, tokens, sql, schema)
  switch (verb) {
    case 'CREATE':
    case 'ALTER':
    case 'DROP':
      return readDefinition(verb, tokens, sql, schema)
    case 'RENAME':
      if (!tokens.skip(...TABLE_WORDS)) return OTHER
      return ddl('ddl', sql, schema, readRenames(tokens, schema))
    default:
      // Unknown, so it might change any table.
      return ddl('ddl', sql, schema, [])
  }
}

function readRollback(tokens: SqlTokens): Statement {
  tokens.skip('WORK')
  if (!tokens.skip('TO')) return { tag: 'rollback' }
  tokens.skip('SAVEPOINT')
  return { tag: 'rollbackTo', name: savepointName(tokens) }
}

/** Savepoints are the same whatever their letter case. */
function savepointName(tokens: SqlTokens): string {
  return (tokens.next()?.text ?? '').toLowerCase()
}

function readXa(tokens: SqlTokens): Statement {
  const verb = tokens.peekWord()
  tokens.next()
  // One spelling of each id: hexadecimal literals as servers write them, without spaces.
  const xid = tokens
    .rest()
    .replace(/\s+ONE\s+PHASE\s*$/i, '')
    .replaceAll(/\s/g, '')
    .toLowerCase()
  switch (verb) {
    case 'START':
    case 'BEGIN':
      return { tag: 'xaStart', xid }
    case 'END':
      return { tag: 'xaEnd' }
    case 'COMMIT':
      return { tag: 'xaCommit', xid }
    case 'ROLLBACK':
      return { tag: 'xaRollback', xid }
    default:
      return OTHER
  }
}

function readRowChange(verb: string, tokens: SqlTokens, sql: string, schema: string): Statement {
  while (tokens.skip(...ROW_CHANGING_OPTIONS)) {
    // Options and the preposition come before the name.
  }
  const target = verb === 'SELECT' || verb === 'WITH' || verb === 'CALL' ? null : readName(tokens, schema)
  if (target !== null && SYSTEM_SCHEMAS.has(target.schema.toLowerCase())) return OTHER
  // How servers tell that a MEMORY table is empty after a restart.
  if (verb === 'DELETE' && target !== null && (tokens.peek() === null || tokens.skipMark(';'))) {
    return ddl('truncate', sql, schema, [target])
  }
  return { tag: 'rowsUnseen', verb }
}

function readDefinition(verb: string, tokens: SqlTokens, sql: string, schema: string): Statement {
  let temporary = false
  for (;;) {
    if (tokens.skip('TEMPORARY')) temporary = true
    else if (!tokens.skip('OR', 'REPLACE', 'ONLINE', 'OFFLINE', 'IGNORE', 'UNIQUE', 'FULLTEXT', 'SPATIAL')) break
  }
  if (tokens.skip(...TABLE_WORDS)) {
    if (temporary) return OTHER
    skipExistence(tokens)
    if (verb === 'DROP') return ddl('ddl', sql, schema, readList(tokens, schema))
    const first = readName(tokens, schema)
    const further = verb === 'ALTER' ? readAltered(tokens, schema) : []
    const opensTransaction = verb === 'CREATE' && /\sSTART\s+TRANSACTION\s*$/i.test(sql)
    return ddl('ddl', sql, schema, first === null ? [] : [first, ...further], opensTransaction)
  }
  if (tokens.skip('INDEX')) return ddl('ddl', sql, schema, readIndexed(tokens, schema))
  if (verb === 'DROP' && tokens.skip('DATABASE', 'SCHEMA')) {
    skipExistence(tokens)
    return ddl('ddl', sql, tokens.next()?.text ?? schema, [])
  }
  return OTHER
}

function skipExistence(tokens: SqlTokens): void {
  if (!tokens.skip('IF')) return
  tokens.skip('NOT')
  tokens.skip('EXISTS')
}

/** `db.table`, `table`, either quoted; null when the next token is no name. */
function readName(tokens: SqlTokens, schema: string): TableName | null {
  const first = readPart(tokens)
  if (first === null) return null
  if (!tokens.skipMark('.')) return { schema, table: first }
  const second = readPart(tokens)
  return second === null ? null : { schema: first, table: second }
}

/** With ANSI_QUOTES a name may stand in double quotes. */
function readPart(tokens: SqlTokens): string | null {
  const token = tokens.peek()
  if (token === null || token.kind === 'mark') return null
  tokens.next()
  return token.text
}

function readList(tokens: SqlTokens, schema: string): TableName[] {
  const tables: TableName[] = []
  do {
    const name = readName(tokens, schema)
    if (name === null) return tables
    tables.push(name)
  } while (tokens.skipMark(','))
  return tables
}

/** `a TO b, c TO d`; MariaDB allows IF EXISTS and WAIT. */
function readRenames(tokens: SqlTokens, schema: string): TableName[] {
  const tables: TableName[] = []
  skipExistence(tokens)
  do {
    const from = readName(tokens, schema)
    if (tokens.skip('WAIT')) tokens.next()
    tokens.skip('NOWAIT')
    const to = tokens.skip('TO') ? readName(tokens, schema) : null
    // Better no table, which stands for any, than half of them.
    if (from === null || to === null) return []
    tables.push(from, to)
  } while (tokens.skipMark(','))
  return tables
}

/** Other tables that an ALTER TABLE touches: RENAME TO and EXCHANGE PARTITION … WITH TABLE. */
function readAltered(tokens: SqlTokens, schema: string): TableName[] {
  const tables: TableName[] = []
  while (tokens.peek() !== null) {
    const renamed = tokens.skip('RENAME') && !['COLUMN', 'INDEX', 'KEY', 'CONSTRAINT'].includes(tokens.peekWord())
    if (renamed) tokens.skip('TO', 'AS')
    if (renamed || (tokens.skip('WITH') && tokens.skip('TABLE'))) {
      const name = readName(tokens, schema)
      if (name !== null) tables.push(name)
    } else tokens.next()
  }
  return tables
}

/** CREATE or DROP INDEX name … ON table. */
function readIndexed(tokens: SqlTokens, schema: string): TableName[] {
  while (tokens.peek() !== null) {
    if (tokens.skip('ON')) {
      const name = readName(tokens, schema)
      return name === null ? [] : [name]
    }
    tokens.next()
  }
  return []
}

function ddl(
  kind: DdlStatement['kind'],
  sql: string,
  schema: string,
  tables: readonly TableName[],
  opensTransaction = false,
): Statement {
  return { tag: 'ddl', statement: { kind, schema, tables, sql }, opensTransaction }
}
