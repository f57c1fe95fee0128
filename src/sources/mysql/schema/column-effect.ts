import type { DdlStatement } from '../../../model/source/binlog-stream.ts'
import { keepsColumns } from '../sql/alter-clauses.ts'
import { readName, skipExistence } from '../sql/names.ts'
import type { StatementText, TableName } from '../sql/names.ts'
import { SqlTokens } from '../sql/tokens.ts'
import { unwrap } from '../sql/wrappers.ts'
import { readCreated } from './create-table.ts'
import type { DeclaredTable } from './table-columns.ts'

/** What a DDL statement does to what is known of the columns of its tables. */
export type ColumnEffect =
  /** Nothing. */
  | { readonly tag: 'kept' }
  /** Nothing where the table exists. */
  | { readonly tag: 'keptIfExists' }
  /** The statement gives the columns. */
  | { readonly tag: 'created'; readonly table: TableName; readonly declared: DeclaredTable }
  /** The columns are those of another table. */
  | { readonly tag: 'copied'; readonly table: TableName; readonly from: TableName }
  /** Anything, where the statement is not fully understood too. */
  | { readonly tag: 'changed' }

const CHANGED: ColumnEffect = { tag: 'changed' }
const KEPT: ColumnEffect = { tag: 'kept' }

export function columnEffect(statement: DdlStatement): ColumnEffect {
  if (statement.kind === 'truncate') return KEPT
  const tokens = new SqlTokens(statement.sql, statement.session)
  if (unwrap(tokens) !== 'plain') return CHANGED
  if (tokens.skip('ALTER')) return ofAlter(tokens, statement)
  if (tokens.skip('CREATE')) return ofCreate(tokens, statement)
  return tokens.skip('DROP') && tokens.skip('INDEX') ? ofDropIndex(tokens) : CHANGED
}

function ofAlter(tokens: SqlTokens, statement: StatementText): ColumnEffect {
  while (tokens.skip('ONLINE', 'IGNORE')) {
    // MariaDB's options.
  }
  if (!tokens.skip('TABLE')) return CHANGED
  skipExistence(tokens)
  if (readName(tokens, statement) === null) return CHANGED
  if (tokens.skip('WAIT')) tokens.next()
  tokens.skip('NOWAIT')
  return keepsColumns(tokens.takeAll()) ? KEPT : CHANGED
}

function ofCreate(tokens: SqlTokens, statement: StatementText): ColumnEffect {
  if (tokens.skip('OR')) tokens.skip('REPLACE')
  if (tokens.skip('UNIQUE', 'FULLTEXT', 'SPATIAL')) return tokens.skip('INDEX') ? KEPT : CHANGED
  if (tokens.skip('INDEX')) return KEPT
  if (!tokens.skip('TABLE')) return CHANGED
  // The table may have been there, with other columns.
  if (tokens.skip('IF')) return { tag: 'keptIfExists' }
  const table = readName(tokens, statement)
  if (table === null) return CHANGED
  if (tokens.skip('LIKE')) return ofLike(tokens, table, statement)
  if (!tokens.skipMark('(')) return CHANGED
  if (tokens.skip('LIKE')) return ofLike(tokens, table, statement)
  const declared = readCreated(tokens)
  return declared === null ? CHANGED : { tag: 'created', table, declared }
}

function ofLike(tokens: SqlTokens, table: TableName, statement: StatementText): ColumnEffect {
  const from = readName(tokens, statement)
  return from === null ? CHANGED : { tag: 'copied', table, from }
}

/** An index called PRIMARY is the primary key. */
function ofDropIndex(tokens: SqlTokens): ColumnEffect {
  skipExistence(tokens)
  return tokens.next()?.text.toUpperCase() === 'PRIMARY' ? CHANGED : KEPT
}
