import { startMariadb } from '../../support/servers/mariadb.ts'
import { withAllPlugins } from '../../support/servers/mariadb-plugins.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import type { SqlServer } from '../../../src/demo/servers/sql-server.ts'
import { killAroundOutbox, type OutboxRun } from '../outbox-run.ts'
import type { Scenario } from '../scenario.ts'

const CYCLES = 200
/** Of the database and of the target. */
const OTHERS = 6
const SAFE = ['--sync-binlog=1']

async function startMariadbWithBlackhole(): Promise<SqlServer> {
  return startMariadb({ args: [...(await withAllPlugins()), '--plugin-load-add=ha_blackhole', ...SAFE] })
}

const mysql = (): Promise<SqlServer> => startMysql({ gtid: true, args: SAFE })
const mariadb = (): Promise<SqlServer> => startMariadb({ args: SAFE })

const RUNS: readonly Omit<OutboxRun, 'kills'>[] = [
  { name: 'outbox-kill-mysql', start: mysql, engine: 'InnoDB', after: 'delete' },
  { name: 'outbox-kill-mysql-blackhole', start: mysql, engine: 'BLACKHOLE', after: 'none' },
  { name: 'outbox-kill-mariadb', start: mariadb, engine: 'InnoDB', after: 'mark' },
  { name: 'outbox-kill-mariadb-blackhole', start: startMariadbWithBlackhole, engine: 'BLACKHOLE', after: 'none' },
]

export const scenarios: readonly Scenario[] = RUNS.map((run) => ({
  name: run.name,
  group: 'kill',
  doc: `an outbox (${run.engine}) under four writers, ${CYCLES} kills of BinGo (--cycles), ${OTHERS} of the database and of the target: committed orders are published events, in order`,
  run: (context) => {
    const bingo = context.cycles ?? CYCLES
    const others = Math.min(OTHERS, Math.max(1, Math.floor(bingo / 3)))
    return killAroundOutbox({ ...run, kills: { bingo, database: others, target: others } }, context)
  },
}))
