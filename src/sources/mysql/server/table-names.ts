import type { ControlConnection } from './login/control-connection.ts'
import { text } from './server-facts.ts'

export interface TableName {
  readonly schema: string
  readonly name: string
}

/**
 * Names of all tables and views outside of the server's own schemas, as far as the account may see them. Nothing but names,
 * here and in the condition: MariaDB and MySQL 5.7 open every table that INFORMATION_SCHEMA is asked more about, which
 * takes long where there are many, and a MariaDB 10.11 crashed in it. Whatever else is asked names its table:
 * `TABLE_SCHEMA = ? AND TABLE_NAME = ?`.
 */
export async function tableNames(control: Pick<ControlConnection, 'query'>): Promise<TableName[]> {
  const rows = await control.query(
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM INFORMATION_SCHEMA.TABLES
      WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
      ORDER BY TABLE_SCHEMA, TABLE_NAME`,
  )
  return rows.map((row) => ({ schema: text(row, 's'), name: text(row, 't') }))
}

/** For SQL. */
export function quotedTable({ schema, name }: TableName): string {
  return `${quotedName(schema)}.${quotedName(name)}`
}

export function quotedName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
