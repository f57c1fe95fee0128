import type { BingoError } from '../../../../model/errors.ts'
import type { ControlConnection, SqlRow } from '../login/control-connection.ts'
import { text, type ServerFacts } from '../server-facts.ts'
import { quotedName, quotedTable, type TableName, tableNames } from '../table-names.ts'
import { error, type Finding, warning } from './finding.ts'

/** A table whose rows are events, or a pattern of such tables. */
export interface WatchedOutbox {
  readonly matches: (schema: string, table: string) => boolean
  readonly after: 'keep' | 'none' | 'mark' | 'delete'
  /** Column of the event's id; null: none. */
  readonly id: string | null
}

interface OutboxTable extends TableName {
  /** Empty: the server does not know it. */
  readonly engine: string
}

/** ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR, and the like. */
const DENIED = /denied/i
/** Engines that undo what is rolled back. */
const TRANSACTIONAL: ReadonlySet<string> = new Set(['innodb', 'rocksdb', 'tokudb', 'ndbcluster'])

/**
 * What keeps tables from being outboxes: engines that store nothing (BLACKHOLE) rely on the binlog alone, and rows that are
 * to be marked or deleted need a key, columns and privileges. As far as the account may see the tables.
 */
export async function outboxTables(
  control: ControlConnection,
  facts: ServerFacts,
  outboxes: readonly WatchedOutbox[],
): Promise<Finding[]> {
  if (outboxes.length === 0) return []
  const names = await tableNames(control)
  const findings: Finding[] = []
  for (const outbox of outboxes) {
    for (const name of names.filter((each) => outbox.matches(each.schema, each.name))) {
      const engine = await engineOf(control, name)
      if (engine !== undefined) findings.push(...(await inspect(control, facts, outbox, { ...name, engine })))
    }
  }
  return findings
}

/** Undefined for views, and for what is gone meanwhile. */
async function engineOf(control: ControlConnection, { schema, name }: TableName): Promise<string | undefined> {
  const [row] = await control.query(
    "SELECT ENGINE AS e FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND TABLE_TYPE = 'BASE TABLE'",
    [schema, name],
  )
  return row && text(row, 'e')
}

async function inspect(
  control: ControlConnection,
  facts: ServerFacts,
  outbox: WatchedOutbox,
  table: OutboxTable,
): Promise<Finding[]> {
  const called = `${table.schema}.${table.name}`
  const engine = table.engine.toLowerCase()
  if (engine === '') {
    const message = `The outbox ${called} cannot be opened: its storage engine is not loaded`
    const sql = facts.flavour === 'mariadb' ? "INSTALL SONAME 'ha_blackhole';" : 'SHOW ENGINES;'
    return [error('BINGO_OUTBOX_ENGINE', message, sql)]
  }
  if (engine === 'blackhole') return blackhole(control, facts, outbox, table)
  const undoes = TRANSACTIONAL.has(engine)
    ? []
    : [
        warning(
          'BINGO_OUTBOX_ENGINE',
          `The outbox ${called} is a ${table.engine} table: a ROLLBACK leaves its rows, and their events are sent`,
          `ALTER TABLE ${quotedTable(table)} ENGINE = InnoDB;`,
        ),
      ]
  return [...undoes, ...(await afterwards(control, outbox, table))]
}

/** It stores no rows: an INSERT is in the binlog, with its transaction, and nowhere else. */
async function blackhole(
  control: ControlConnection,
  facts: ServerFacts,
  { after, id }: WatchedOutbox,
  table: OutboxTable,
): Promise<Finding[]> {
  const called = `${table.schema}.${table.name}`
  const findings: Finding[] = []
  if (after === 'mark' || after === 'delete') {
    const message = `The outbox ${called} is a BLACKHOLE table, which stores no rows: "after: ${after}" has none to ${after}. Write after: none`
    findings.push(error('BINGO_OUTBOX_BLACKHOLE', message, null))
  }
  if ((facts.variables.get('sync_binlog') ?? '1') !== '1') {
    const sql = facts.flavour === 'mysql' ? 'SET PERSIST sync_binlog = 1;' : 'SET GLOBAL sync_binlog = 1;'
    const message = `The outbox ${called} is a BLACKHOLE table and sync_binlog is not 1: after a power failure its events may be lost although their transactions are not`
    findings.push(warning('BINGO_OUTBOX_BLACKHOLE', message, sql))
  }
  if (await isInGroup(control, facts)) {
    const message = `The outbox ${called} is a BLACKHOLE table, and the server is a member of a replication group, which takes InnoDB tables only`
    findings.push(error('BINGO_OUTBOX_BLACKHOLE', message, `ALTER TABLE ${quotedTable(table)} ENGINE = InnoDB;`))
  }
  const columns = id === null ? [] : await columnsOf(control, table)
  if (
    columns.some((row) => text(row, 'c').toLowerCase() === id?.toLowerCase() && /auto_increment/i.test(text(row, 'x')))
  ) {
    const message = `The id of the outbox ${called} is AUTO_INCREMENT, which begins at 1 in each statement on a BLACKHOLE table: events would have the ids of others`
    const sql = `ALTER TABLE ${quotedTable(table)} MODIFY ${quotedName(id!)} CHAR(36) NOT NULL;  (and INSERT … UUID())`
    findings.push(error('BINGO_OUTBOX_BLACKHOLE', message, sql))
  }
  return findings
}

async function isInGroup(control: ControlConnection, { flavour }: ServerFacts): Promise<boolean> {
  if (flavour !== 'mysql') return false
  const rows = await control.query("SHOW GLOBAL VARIABLES LIKE 'group_replication_group_name'")
  return rows.some((row) => text(row, 'Value') !== '')
}

/** Whether rows can be marked or deleted. */
async function afterwards(
  control: ControlConnection,
  { after }: WatchedOutbox,
  table: OutboxTable,
): Promise<Finding[]> {
  if (after !== 'mark' && after !== 'delete') return []
  const called = `${table.schema}.${table.name}`
  const columns = await columnsOf(control, table)
  const findings: Finding[] = []
  if (!columns.some((row) => text(row, 'k') === 'PRI')) {
    const message = `The outbox ${called} has no primary key, by which its rows could be found: "after: ${after}" does nothing`
    findings.push(error('BINGO_OUTBOX_AFTER', message, `ALTER TABLE ${quotedTable(table)} ADD PRIMARY KEY (…);`))
  }
  if (after === 'mark' && !columns.some((row) => text(row, 'c').toLowerCase() === 'processed_at')) {
    const sql = `ALTER TABLE ${quotedTable(table)} ADD processed_at DATETIME(3), ADD retry_count INT NOT NULL DEFAULT 0, ADD last_error TEXT;`
    return [...findings, error('BINGO_OUTBOX_AFTER', `The outbox ${called} has no column processed_at to mark`, sql)]
  }
  const [readOnly] = await control.query('SELECT @@GLOBAL.read_only AS r')
  if (text(readOnly, 'r') !== '0') {
    const message = `The server is read-only, so that rows of the outbox ${called} cannot be marked or deleted here`
    findings.push(warning('BINGO_OUTBOX_AFTER', message, null))
  }
  return [...findings, ...(await privileges(control, after, table))]
}

/** EXPLAIN of a change needs the privileges of the change, and changes nothing. */
async function privileges(
  control: ControlConnection,
  after: 'mark' | 'delete',
  table: OutboxTable,
): Promise<Finding[]> {
  const name = quotedTable(table)
  const marks = `UPDATE ${name} SET processed_at = processed_at WHERE FALSE`
  try {
    await control.query(`EXPLAIN ${after === 'mark' ? marks : `DELETE FROM ${name} WHERE FALSE`}`)
    return []
  } catch (cause) {
    const { message } = cause as BingoError
    if (!DENIED.test(message)) throw cause
    const [user] = await control.query('SELECT CURRENT_USER() AS u')
    const account = text(user, 'u')
      .split('@')
      .map((part) => `'${part}'`)
      .join('@')
    const privilege = after === 'mark' ? 'SELECT, UPDATE' : 'SELECT, DELETE'
    const why = `The account may not ${after} rows of the outbox ${table.schema}.${table.name}`
    return [error('BINGO_OUTBOX_AFTER', why, `GRANT ${privilege} ON ${name} TO ${account};`)]
  }
}

function columnsOf(control: ControlConnection, { schema, name }: OutboxTable): Promise<readonly SqlRow[]> {
  return control.query(
    'SELECT COLUMN_NAME AS c, COLUMN_KEY AS k, EXTRA AS x FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [schema, name],
  )
}
