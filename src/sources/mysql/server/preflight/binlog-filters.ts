import { BingoError } from '../../../../model/errors.ts'
import type { ControlConnection, SqlRow } from '../login/control-connection.ts'
import { type Finding, warning } from './finding.ts'
import { replicaUpdates } from './replica-updates.ts'
import { type ServerFacts, text } from '../server-facts.ts'

/** What the server leaves out of its binlog as a whole: filtered databases, and what it replicates from elsewhere. */
export async function leftOutOfBinlog(control: ControlConnection, facts: ServerFacts): Promise<Finding[]> {
  if (facts.variables.get('log_bin') !== 'ON') return []
  return [...(await filters(control, facts)), ...(await unloggedReplica(control, facts))]
}

/** binlog_do_db and binlog_ignore_db are not variables: only the status of the binlog tells of them. */
async function filters(control: ControlConnection, facts: ServerFacts): Promise<Finding[]> {
  const modern = facts.flavour === 'mysql' && facts.release >= 802
  const rows = await ifAllowed(control, modern ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS')
  const found = [
    ['binlog_do_db', text(rows?.[0], 'Binlog_Do_DB'), (list: string) => `it contains only changes in ${list}`],
    [
      'binlog_ignore_db',
      text(rows?.[0], 'Binlog_Ignore_DB'),
      (list: string) => `it does not contain changes in ${list}`,
    ],
  ] as const
  return found.flatMap(([option, list, what]) => {
    if (list === '') return []
    return [
      warning(
        'BINGO_PREFLIGHT_BINLOG_FILTER',
        `${option} filters the binlog: ${what(list)}; rules on other changes never match`,
        `Remove ${option} from my.cnf, then restart the server`,
      ),
    ]
  })
}

/** Where an account may not ask for the replication itself, MariaDB's GTID position tells that there was some. */
async function unloggedReplica(control: ControlConnection, facts: ServerFacts): Promise<Finding[]> {
  const found = replicaUpdates(facts)
  if (found === null) return []
  const status =
    facts.flavour === 'mariadb'
      ? 'SHOW ALL SLAVES STATUS'
      : facts.release >= 804
        ? 'SHOW REPLICA STATUS'
        : 'SHOW SLAVE STATUS'
  const rows = await ifAllowed(control, status)
  if (rows !== null && rows.length > 0) return [found]
  if (rows !== null || facts.flavour === 'mysql') return []
  const [row] = await control.query('SELECT @@GLOBAL.gtid_slave_pos AS replicated')
  return text(row, 'replicated') === '' ? [] : [found]
}

/** null where the account lacks the privilege; the check of the grants tells that. */
async function ifAllowed(control: ControlConnection, sql: string): Promise<readonly SqlRow[] | null> {
  try {
    return await control.query(sql)
  } catch (error) {
    if (error instanceof BingoError && !error.retryable) return null
    throw error
  }
}
