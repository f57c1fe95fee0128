import type { SqlSession } from '../../../model/source/binlog-stream.ts'
import { readDefinition, readRenames, TABLE_WORDS } from './definition.ts'
import { ddl } from './meaning.ts'
import type { Statement } from './meaning.ts'
import { readList } from './names.ts'
import type { StatementText } from './names.ts'
import { readRowChange, ROW_CHANGING } from './row-change.ts'
import { everySession } from './sessions.ts'
import { PLAIN_SESSION, SqlTokens } from './tokens.ts'
import { unwrap } from './wrappers.ts'

const OTHER: Statement = { tag: 'other' }

/** Statements that neither change rows nor the shape of tables. SET and ANALYZE may stand around others: see `unwrap`. */
const HARMLESS = new Set(
  'ANALYZE BINLOG CACHE CHANGE CHECK CHECKSUM CLONE DEALLOCATE FLUSH GRANT HANDLER HELP INSTALL KILL LOCK OPTIMIZE PREPARE PURGE RELEASE REPAIR RESET REVOKE SET SHOW START STOP UNINSTALL UNLOCK USE'.split(
    ' ',
  ),
)

/** Classifies a statement; `schema` is the session's default database. */
export function readStatement(sql: string, schema: string, session: SqlSession = PLAIN_SESSION): Statement {
  return read({ sql, schema, session }, false)
}

/**
 * Classifies a statement of which it is not known how its quotes and backslashes are to be read. Where the possible
 * readings differ it may change any table.
 */
export function readAnyhow(text: StatementText): Statement {
  const readings = everySession(text.session).map((session) => read({ ...text, session }, true))
  const [first] = readings
  const inShort = readings.map(meaning)
  return inShort.every((each) => each === inShort[0]) ? first! : ddl('ddl', text, [])
}

/** All but the session, which differs by intent. */
function meaning(statement: Statement): string {
  if (statement.tag !== 'ddl') return JSON.stringify(statement)
  const { kind, tables } = statement.statement
  return JSON.stringify([kind, tables, statement.opensTransaction])
}

function read(text: StatementText, anyMode: boolean): Statement {
  const tokens = new SqlTokens(text.sql, text.session)
  const wrapped = unwrap(tokens)
  if (wrapped === 'unclear') return ddl('ddl', text, [])
  // The event tells the mode that SET STATEMENT gave it, which is not the one that its text was read with.
  if (wrapped === 'ownMode' && !anyMode) return readAnyhow(text)
  const verb = tokens.peekWord()
  if (verb === '') return tokens.peek() === null ? OTHER : ddl('ddl', text, [])
  tokens.next()
  switch (verb) {
    case 'BEGIN':
      return readBegin(tokens, text)
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
      return ddl('truncate', text, readList(tokens, text, 'WAIT', 'NOWAIT'))
    default:
      return readOther(verb, tokens, text)
  }
}

function readOther(verb: string, tokens: SqlTokens, text: StatementText): Statement {
  if (verb === 'START' && tokens.skip('TRANSACTION')) return { tag: 'begin' }
  if (HARMLESS.has(verb)) return OTHER
  if (ROW_CHANGING.has(verb)) return readRowChange(verb, tokens, text)
  switch (verb) {
    case 'CREATE':
    case 'ALTER':
    case 'DROP':
      return readDefinition(verb, tokens, text)
    case 'RENAME':
      if (tokens.skip('USER')) return OTHER
      return ddl('ddl', text, tokens.skip(...TABLE_WORDS) ? readRenames(tokens, text) : [])
    default:
      // Unknown, so it might change any table.
      return ddl('ddl', text, [])
  }
}

/** MariaDB: BEGIN NOT ATOMIC begins a block of statements. */
function readBegin(tokens: SqlTokens, text: StatementText): Statement {
  tokens.skip('WORK')
  return tokens.peek() === null || tokens.isMark(';') ? { tag: 'begin' } : ddl('ddl', text, [])
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
