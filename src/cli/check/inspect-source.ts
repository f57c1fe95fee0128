import type { SourceConfig } from '../../app/config/config.ts'
import type { TableDef } from '../../model/table/table.ts'
import { readCreateTable } from '../../sources/mysql/schema/create-table.ts'
import { tableOfDeclaration } from '../../sources/mysql/schema/declared-table.ts'
import { FIRST_WITH_VERSIONING } from '../../sources/mysql/schema/table-columns.ts'
import type { ControlConnection, SqlRow } from '../../sources/mysql/server/login/control-connection.ts'
import { connectToFirst } from '../../sources/mysql/server/first-server.ts'
import type { Finding } from '../../sources/mysql/server/preflight/finding.ts'
import type { WatchedOutbox } from '../../sources/mysql/server/preflight/outbox-tables.ts'
import { preflight } from '../../sources/mysql/server/preflight/preflight.ts'
import { foldsNames, text, type ServerFacts } from '../../sources/mysql/server/server-facts.ts'
import { quotedName, type TableName, tableNames } from '../../sources/mysql/server/table-names.ts'
import type { WantsTable } from '../../sources/mysql/server/preflight/unlogged-rows.ts'
import { readGrants, type Grants } from '../../sources/mysql/server/preflight/grants.ts'
import { serverIdFor } from '../../sources/mysql/server/server-id.ts'

export interface Inspection {
  readonly findings: readonly Finding[]
  /** Tables that the account may see; undefined when it sees none, so that nothing can be said of columns. */
  readonly tables: readonly TableDef[] | undefined
  /** The server has names of tables and databases in lower case. */
  readonly foldsNames: boolean
  /** The account sees every table there is: one that is not among them does not exist. */
  readonly complete: boolean
  /** Statement that would show the account all tables. */
  readonly toSeeAll: string
}

/**
 * Looks at the source without reading its binlog; of several hosts at the first that answers. Throws a classified
 * BingoError when none can be asked.
 */
export async function inspectSource(
  source: SourceConfig,
  replicaName: string,
  wants: WantsTable,
  outboxes: readonly WatchedOutbox[],
): Promise<Inspection> {
  const { control, facts } = await connectToFirst(source)
  try {
    const serverId = source.serverId ?? serverIdFor(replicaName)
    const findings = await preflight({
      control,
      facts,
      serverId,
      start: source.start,
      oneOfSeveral: source.hosts.length > 1,
      wants,
      outboxes,
    })
    const grants = await readGrants(control)
    const tables = (await visibleTables(control, facts, wants)).filter((table) => grants.showsAllColumns(table))
    const seen = {
      complete: grants.showsAllTables,
      toSeeAll: toSeeAll(grants),
      foldsNames: foldsNames(facts),
    }
    if (tables.length > 0) return { findings, tables, ...seen }
    const message = 'columns and foreign keys were not checked: the account has SELECT on no table'
    return {
      findings: [...findings, { severity: 'warning', code: 'BINGO_CHECK_NO_TABLES', message, sql: seen.toSeeAll }],
      tables: undefined,
      ...seen,
    }
  } finally {
    control.close()
  }
}

function toSeeAll({ account }: Grants): string {
  return `GRANT SELECT ON your_database.* TO ${account};  (for this check only: with binlog_row_metadata=FULL BinGo runs without it)`
}

/** What the account may see of tables: names, and the columns of those that rules name, read as their declarations. */
async function visibleTables(control: ControlConnection, facts: ServerFacts, wants: WantsTable): Promise<TableDef[]> {
  const tables: TableDef[] = []
  for (const table of await tableNames(control)) {
    // With lower_case_table_names=2 the server keeps capitals that rows do not have.
    const [schema, name] = [table.schema, table.name].map((written) =>
      foldsNames(facts) ? written.toLowerCase() : written,
    ) as [string, string]
    const columns = wants(schema, name) ? await columnsOf(control, facts, table) : []
    const created = columns.length === 0 ? null : readCreateTable(declaration(name, columns), 'utf8mb4')
    if (created !== null) tables.push(tableOfDeclaration(created, schema, facts))
    else if (!wants(schema, name)) tables.push({ schema, name, columns: [], key: [], flavour: facts.flavour })
  }
  return tables
}

function columnsOf(control: ControlConnection, facts: ServerFacts, table: TableName): Promise<readonly SqlRow[]> {
  return control.query(
    `SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY, EXTRA${tellsPeriods(facts) ? ', GENERATION_EXPRESSION' : ''}
     FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [table.schema, table.name],
  )
}

function declaration(table: string, columns: readonly SqlRow[]): string {
  const lines = columns.map((row) => {
    const nullable = text(row, 'IS_NULLABLE') === 'YES' ? '' : ' NOT NULL'
    return `${quotedName(text(row, 'COLUMN_NAME'))} ${text(row, 'COLUMN_TYPE')}${generation(row)}${nullable}`
  })
  const key = columns
    .filter((row) => text(row, 'COLUMN_KEY') === 'PRI')
    .map((row) => quotedName(text(row, 'COLUMN_NAME')))
  if (key.length > 0) lines.push(`PRIMARY KEY (${key.join(', ')})`)
  const versioned = columns.some((row) => isPeriod(row)) ? ' WITH SYSTEM VERSIONING' : ''
  return `CREATE TABLE ${quotedName(table)} (${lines.join(', ')})${versioned}`
}

/** How a column comes to its values, as far as it matters; the expression itself does not. */
function generation(row: SqlRow): string {
  if (isPeriod(row)) return ` GENERATED ALWAYS AS ${text(row, 'GENERATION_EXPRESSION')}`
  return /\b(VIRTUAL|STORED|PERSISTENT)( GENERATED)?\b/i.test(text(row, 'EXTRA')) ? ' GENERATED ALWAYS AS (0)' : ''
}

/** The start or the end of a row's version, of a system-versioned table that declares them. */
function isPeriod(row: SqlRow): boolean {
  return /^ROW (START|END)$/i.test(text(row, 'GENERATION_EXPRESSION'))
}

/** MariaDB 10.3 brought system versioning. */
function tellsPeriods({ flavour, release }: ServerFacts): boolean {
  return flavour === 'mariadb' && release >= FIRST_WITH_VERSIONING
}
