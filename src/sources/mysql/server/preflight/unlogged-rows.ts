import type { ControlConnection, SqlRow } from '../login/control-connection.ts'
import { type Finding, warning } from './finding.ts'
import { type ServerFacts, text } from '../server-facts.ts'
import { FIRST_WITHOUT_GENERATED } from '../../schema/declared-table.ts'

/** Whether some rule listens to a table. */
export type WantsTable = (schema: string, table: string) => boolean

/** Tables whose definition is asked for one by one; more would hold up the start. */
const MOST_DEFINITIONS = 1_000
/** Tables that one finding names. */
const MOST_NAMES = 5

const NOT_SYSTEM = "TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"

interface TableName {
  readonly schema: string
  readonly table: string
}

/**
 * Tables that rules listen to and whose rows change, at least in part, without the binlog telling. As far as the account
 * may see them: it sees tables that it has a privilege on.
 */
export async function unloggedRows(
  control: ControlConnection,
  facts: ServerFacts,
  wants: WantsTable,
): Promise<Finding[]> {
  const findings = [await cascades(control, facts, wants)]
  if (facts.flavour === 'mariadb') {
    findings.push(await versioned(control, wants), await generatedColumns(control, facts, wants))
  }
  return findings.filter((finding) => finding !== null)
}

/** Rows that InnoDB changes for a foreign key are in no binlog. MySQL 9.6 and newer do it above the engine, unless told otherwise. */
async function cascades(control: ControlConnection, facts: ServerFacts, wants: WantsTable): Promise<Finding | null> {
  if (facts.variables.get('innodb_native_foreign_keys') === 'OFF') return null
  const children =
    facts.flavour === 'mysql' ? await cascadesByView(control, wants) : await cascadesByDefinition(control, wants)
  if (children.length === 0) return null
  const remedy = facts.variables.has('innodb_native_foreign_keys')
    ? 'innodb_native_foreign_keys=OFF  (in my.cnf, then restart), or delete the rows of the child table first'
    : 'Delete or update the rows of the child table first in the application, or write a rule on the parent table'
  return warning(
    'BINGO_PREFLIGHT_CASCADE',
    `Foreign keys change rows of ${list(children)} (ON DELETE/UPDATE CASCADE, SET NULL): InnoDB does not log these changes, so rules on ${children.length === 1 ? 'it' : 'them'} miss them`,
    remedy,
  )
}

async function cascadesByView(control: ControlConnection, wants: WantsTable): Promise<TableName[]> {
  const rows = await control.query(
    `SELECT DISTINCT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS
     WHERE DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')`,
  )
  return wanted(rows, wants)
}

/** MariaDB shows its foreign keys only to accounts with more than SELECT, but the definition of a table to those too. */
async function cascadesByDefinition(control: ControlConnection, wants: WantsTable): Promise<TableName[]> {
  const tables = await control.query(
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM INFORMATION_SCHEMA.TABLES WHERE ENGINE = 'InnoDB' AND ${NOT_SYSTEM}`,
  )
  const children: TableName[] = []
  for (const name of wanted(tables, wants).slice(0, MOST_DEFINITIONS)) {
    // Dropped in between, or not ours to see: then there is nothing to tell.
    const [row] = await control.query(`SHOW CREATE TABLE ${quoted(name)}`).catch(() => [])
    if (cascadesIn(text(row, 'Create Table'))) children.push(name)
  }
  return children
}

/** Whether a foreign key of this CREATE TABLE changes rows. Constraints stand on lines of their own. */
export function cascadesIn(createTable: string): boolean {
  return /^\s*CONSTRAINT .*\bFOREIGN KEY .*\bON (?:DELETE|UPDATE) (?:CASCADE|SET NULL|SET DEFAULT)/im.test(createTable)
}

async function versioned(control: ControlConnection, wants: WantsTable): Promise<Finding | null> {
  // The type makes the server open each table that the schema leaves; a MariaDB 10.11 was seen to crash in that. Its own
  // schemas, with a hundred views, have nothing to find.
  const rows = await control.query(
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t FROM INFORMATION_SCHEMA.TABLES
      WHERE TABLE_SCHEMA NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
        AND TABLE_TYPE = 'SYSTEM VERSIONED'`,
  )
  const tables = wanted(rows, wants)
  if (tables.length === 0) return null
  return warning(
    'BINGO_PREFLIGHT_VERSIONED',
    `${list(tables)} keep${tables.length === 1 ? 's' : ''} old versions of rows (WITH SYSTEM VERSIONING): rules see changes of current rows only, not of history rows (DELETE HISTORY)`,
    null,
  )
}

async function generatedColumns(
  control: ControlConnection,
  { release }: ServerFacts,
  wants: WantsTable,
): Promise<Finding | null> {
  const storedToo = release >= FIRST_WITHOUT_GENERATED
  const rows = await control.query(
    `SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c FROM INFORMATION_SCHEMA.COLUMNS
     WHERE (EXTRA LIKE '%VIRTUAL%'${storedToo ? " OR EXTRA LIKE '%STORED%'" : ''}) AND ${NOT_SYSTEM}`,
  )
  const columns = rows.filter((row) => wants(text(row, 's'), text(row, 't')))
  if (columns.length === 0) return null
  const names = shorten(columns.map((row) => `${text(row, 's')}.${text(row, 't')}.${text(row, 'c')}`))
  const kind = storedToo ? 'generated' : 'VIRTUAL'
  const remedy = 'Read the columns that the expression is made of'
  return warning(
    'BINGO_PREFLIGHT_GENERATED',
    `${names} ${columns.length === 1 ? `is a ${kind} column` : `are ${kind} columns`}: this server ${storedToo ? 'leaves' : 'may leave'} out their values in the binlog of an UPDATE or DELETE; a rule that reads one fails for that event`,
    storedToo ? `${remedy}.` : `${remedy}, or: ALTER TABLE … MODIFY … AS (…) STORED;`,
  )
}

function wanted(rows: readonly SqlRow[], wants: WantsTable): TableName[] {
  return rows
    .map((row) => ({ schema: text(row, 's'), table: text(row, 't') }))
    .filter(({ schema, table }) => wants(schema, table))
}

function list(tables: readonly TableName[]): string {
  return shorten(tables.map(({ schema, table }) => `${schema}.${table}`))
}

function shorten(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES
  return names.slice(0, MOST_NAMES).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

function quoted({ schema, table }: TableName): string {
  return [schema, table].map((name) => `\`${name.replaceAll('`', '``')}\``).join('.')
}
