import type { DdlStatement } from '../../../model/source/binlog-stream.ts'
import type { StatementText, TableName } from './names.ts'
import { foldName } from './names.ts'

/** What the statement of a QUERY event means for the transaction it stands in. */
export type Statement =
  | { readonly tag: 'begin' | 'commit' | 'rollback' | 'xaEnd' }
  /** Changes no rows that anybody could listen to: GRANT, FLUSH, CREATE VIEW, temporary tables, comments. */
  | { readonly tag: 'other' }
  | { readonly tag: 'savepoint' | 'rollbackTo'; readonly name: string }
  | { readonly tag: 'xaStart' | 'xaRollback' | 'xaCommit'; readonly xid: string }
  | { readonly tag: 'ddl'; readonly statement: DdlStatement; readonly opensTransaction: boolean }
  | UnseenRows

/** Changes rows that the binlog does not show. */
export interface UnseenRows {
  readonly tag: 'rowsUnseen'
  readonly verb: string
  /** Tables that it writes to; null where that cannot be told. */
  readonly tables: readonly TableName[] | null
  /** Nothing in its text could change yet other tables. */
  readonly selfContained: boolean
}

/** A statement that changes tables; without tables it may change any. */
export function ddl(
  kind: DdlStatement['kind'],
  { sql, schema, session }: StatementText,
  tables: readonly TableName[],
  opensTransaction = false,
): Statement {
  const statement = { kind, schema: foldName(schema, session), tables, sql, session }
  return { tag: 'ddl', statement, opensTransaction }
}
