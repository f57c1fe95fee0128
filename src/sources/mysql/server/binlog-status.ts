import type { SourcePosition } from '../../../model/source/position.ts'
import type { ControlConnection, SqlRow } from './login/control-connection.ts'
import { type ServerFacts, text } from './server-facts.ts'

export interface BinlogFile {
  readonly name: string
  readonly size: number
}

/**
 * The end of the server's binlog, as one consistent position. Needs REPLICATION CLIENT (BINLOG MONITOR on MariaDB).
 * MySQL 8.2 brought SHOW BINARY LOG STATUS, 8.4 took SHOW MASTER STATUS away; MariaDB knows both since 10.5.2.
 */
export async function binlogEnd(control: ControlConnection, facts: ServerFacts): Promise<SourcePosition | null> {
  const modern = facts.flavour === 'mysql' && facts.release >= 802
  const [row] = await control.query(modern ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS')
  if (!row) return null
  const file = text(row, 'File')
  const offset = Number(row['Position'])
  return { flavour: facts.flavour, file, offset, gtidSet: await gtidAt(control, facts, row, file, offset) }
}

async function gtidAt(
  control: ControlConnection,
  facts: ServerFacts,
  status: SqlRow,
  file: string,
  offset: number,
): Promise<string | null> {
  if (!facts.gtids) return null
  if (facts.flavour === 'mysql') return text(status, 'Executed_Gtid_Set').replaceAll(/\s/g, '')
  return mariadbGtidAt(control, file, offset)
}

/** NULL for a position that is not an event boundary of a file that is there. */
export async function mariadbGtidAt(control: ControlConnection, file: string, offset: number): Promise<string | null> {
  const [row] = await control.query('SELECT BINLOG_GTID_POS(?, ?) AS position', [file, offset])
  return typeof row?.['position'] === 'string' ? row['position'] : null
}

/** The binlog files that are still there, oldest first. */
export async function binlogFiles(control: ControlConnection): Promise<readonly BinlogFile[]> {
  const rows = await control.query('SHOW BINARY LOGS')
  return rows.map((row) => ({ name: text(row, 'Log_name'), size: Number(row['File_size']) }))
}
