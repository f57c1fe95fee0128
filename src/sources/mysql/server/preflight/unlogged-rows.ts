import type { ControlConnection } from '../login/control-connection.ts'
import { type Finding, warning } from './finding.ts'
import { type ServerFacts, text } from '../server-facts.ts'
import { quotedTable, type TableName, tableNames } from '../table-names.ts'
import { FIRST_WITHOUT_GENERATED } from '../../schema/declared-table.ts'
import { BingoError } from '../../../../model/errors.ts'

/** Whether some rule listens to a table. */
export type WantsTable = (schema: string, table: string) => boolean

/** Tables whose definition is asked for one by one; more would hold up the start. */
const MOST_DEFINITIONS = 1_000
/** From MySQL 8.0 on. */
const FIRST_WITH_DICTIONARY = 800
/** Tables that one finding names. */
const MOST_NAMES = 5

/** A table with the statement that creates it, without what stands in quotes: comments and values may look like anything. */
interface Definition extends TableName {
  readonly statement: string
}

/**
 * Tables that rules listen to and whose rows change, at least in part, without the binlog telling. As far as the account
 * may see their definitions.
 */
export async function unloggedRows(
  control: ControlConnection,
  facts: ServerFacts,
  wants: WantsTable,
): Promise<Finding[]> {
  if (facts.flavour === 'mysql' && facts.release >= FIRST_WITH_DICTIONARY) {
    return logsCascades(facts) ? [] : cascades(facts, await cascadesByView(control, wants))
  }
  const definitions = await definitionsOf(control, wants)
  const children = logsCascades(facts) ? [] : definitions.filter(({ statement }) => cascadesIn(statement))
  const findings = cascades(facts, children)
  return facts.flavour === 'mariadb'
    ? [...findings, ...versioned(definitions), ...generatedColumns(facts, definitions)]
    : findings
}

async function definitionsOf(control: ControlConnection, wants: WantsTable): Promise<Definition[]> {
  const wanted = (await tableNames(control)).filter(({ schema, name }) => wants(schema, name))
  const definitions: Definition[] = []
  for (const table of wanted.slice(0, MOST_DEFINITIONS)) {
    const [row] = await control.query(`SHOW CREATE TABLE ${quotedTable(table)}`).catch((error: unknown) => {
      // Dropped in between, not ours to see, a view of what is gone: then there is nothing to tell.
      if (error instanceof BingoError && !error.retryable) return []
      throw error
    })
    definitions.push({ ...table, statement: withoutStrings(text(row, 'Create Table')) })
  }
  return definitions
}

/** Names of tables and columns stay, with the quotes that are in them. */
function withoutStrings(statement: string): string {
  return statement.replaceAll(/`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'/gs, (quoted) =>
    quoted.startsWith('`') ? quoted : "''",
  )
}

/** MySQL 9.6 and newer handle foreign keys above the engine, unless told otherwise. */
function logsCascades({ variables }: ServerFacts): boolean {
  return variables.get('innodb_native_foreign_keys') === 'OFF'
}

/** Rows that InnoDB changes for a foreign key are in no binlog. */
function cascades({ variables }: ServerFacts, children: readonly TableName[]): Finding[] {
  if (children.length === 0) return []
  const remedy = variables.has('innodb_native_foreign_keys')
    ? 'innodb_native_foreign_keys=OFF  (in my.cnf, then restart), or delete the rows of the child table first'
    : 'Delete or update the rows of the child table first in the application, or write a rule on the parent table'
  return [
    warning(
      'BINGO_PREFLIGHT_CASCADE',
      `Foreign keys change rows of ${list(children)} (ON DELETE/UPDATE CASCADE, SET NULL): InnoDB does not log these changes, so rules on ${children.length === 1 ? 'it' : 'them'} miss them`,
      remedy,
    ),
  ]
}

/** For servers that answer from a data dictionary, without opening the tables. */
async function cascadesByView(control: ControlConnection, wants: WantsTable): Promise<TableName[]> {
  const rows = await control.query(
    `SELECT DISTINCT CONSTRAINT_SCHEMA AS s, TABLE_NAME AS t FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS
     WHERE DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT')`,
  )
  return rows
    .map((row) => ({ schema: text(row, 's'), name: text(row, 't') }))
    .filter(({ schema, name }) => wants(schema, name))
}

/** Whether a foreign key of this CREATE TABLE changes rows. Constraints stand on lines of their own. */
export function cascadesIn(createTable: string): boolean {
  return /^\s*CONSTRAINT .*\bFOREIGN KEY .*\bON (?:DELETE|UPDATE) (?:CASCADE|SET NULL|SET DEFAULT)/im.test(createTable)
}

function versioned(definitions: readonly Definition[]): Finding[] {
  const tables = definitions.filter(({ statement }) => /^\).*\bWITH SYSTEM VERSIONING\b/m.test(statement))
  if (tables.length === 0) return []
  return [
    warning(
      'BINGO_PREFLIGHT_VERSIONED',
      `${list(tables)} keep${tables.length === 1 ? 's' : ''} old versions of rows (WITH SYSTEM VERSIONING): rules see changes of current rows only, not of history rows (DELETE HISTORY)`,
      null,
    ),
  ]
}

function generatedColumns({ release }: ServerFacts, definitions: readonly Definition[]): Finding[] {
  const storedToo = release >= FIRST_WITHOUT_GENERATED
  const columns = definitions.flatMap((table) =>
    generatedIn(table.statement)
      .filter(({ stored }) => storedToo || !stored)
      .map(({ column }) => `${table.schema}.${table.name}.${column}`),
  )
  if (columns.length === 0) return []
  const kind = storedToo ? 'generated' : 'VIRTUAL'
  const remedy = 'Read the columns that the expression is made of'
  return [
    warning(
      'BINGO_PREFLIGHT_GENERATED',
      `${shorten(columns)} ${columns.length === 1 ? `is a ${kind} column` : `are ${kind} columns`}: this server ${storedToo ? 'leaves' : 'may leave'} out their values in the binlog of an UPDATE or DELETE; a rule that reads one fails for that event`,
      storedToo ? `${remedy}.` : `${remedy}, or: ALTER TABLE … MODIFY … AS (…) STORED;`,
    ),
  ]
}

/** Each column stands on a line of its own, its name in whatever quotes the server is set to. */
function generatedIn(createTable: string): { readonly column: string; readonly stored: boolean }[] {
  const columns = createTable.matchAll(
    /^ +(`(?:[^`]|``)+`|"(?:[^"]|"")+"|\w+) .*\bAS \(.*\) (VIRTUAL|STORED|PERSISTENT)\b/gm,
  )
  return Array.from(columns, ([, name, kind]) => {
    const quote = name![0]!
    const column = /\w/.test(quote) ? name! : name!.slice(1, -1).replaceAll(quote + quote, quote)
    return { column, stored: kind !== 'VIRTUAL' }
  })
}

function list(tables: readonly TableName[]): string {
  return shorten(tables.map(({ schema, name }) => `${schema}.${name}`))
}

function shorten(names: readonly string[]): string {
  const rest = names.length - MOST_NAMES
  return names.slice(0, MOST_NAMES).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}
