import { type Finding, warning } from './finding.ts'
import type { ServerFacts } from '../server-facts.ts'

/** Code of the finding. */
export const REPLICA_UPDATES = 'BINGO_PREFLIGHT_REPLICA_UPDATES'

/**
 * A server that does not log what it replicates has a binlog with holes: it cannot take over from another one. MySQL 8.0
 * logs by default, MySQL 5.7 and MariaDB do not. Matters where BinGo may move from server to server.
 */
export function replicaUpdates({ variables, flavour }: Pick<ServerFacts, 'variables' | 'flavour'>): Finding | null {
  const name = variables.has('log_replica_updates') ? 'log_replica_updates' : 'log_slave_updates'
  if (variables.get(name) !== 'OFF') return null
  const what = 'the binlog does not contain the changes that this server replicates from another one'
  return warning(
    REPLICA_UPDATES,
    `${name} is OFF: ${what}, so rules never see them and BinGo cannot fail over to this server`,
    `${name}=ON  (in my.cnf under [${flavour === 'mysql' ? 'mysqld' : 'mariadb'}], then restart)`,
  )
}
