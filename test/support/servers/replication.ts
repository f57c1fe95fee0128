import type { SqlServer } from './mysql.ts'

const WAIT_S = 60

/** Makes `replica` follow `primary` by GTID. Both are fresh servers of ours, of one flavour and with different ids. */
export async function replicate(primary: SqlServer, replica: SqlServer): Promise<void> {
  if (primary.flavour === 'mysql') {
    await primary.query("CREATE USER IF NOT EXISTS replica@'%' IDENTIFIED BY 'secret'")
    await primary.query("GRANT REPLICATION SLAVE ON *.* TO replica@'%'")
  }
  await follow(primary, replica)
}

/** Points a server that has the same history to another primary. */
export async function follow(primary: SqlServer, replica: SqlServer): Promise<void> {
  if (primary.flavour === 'mysql') {
    await replica.query(
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '${primary.host}', SOURCE_PORT = ${primary.port}, SOURCE_USER = 'replica',
       SOURCE_PASSWORD = 'secret', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1`,
    )
    await replica.query('START REPLICA')
    return
  }
  // A user made by GRANT would be replicated too, and root without a password serves as well.
  await replica.query(
    `CHANGE MASTER TO MASTER_HOST = '${primary.host}', MASTER_PORT = ${primary.port}, MASTER_USER = 'root',
     MASTER_PASSWORD = '', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`,
  )
  await replica.query('START SLAVE')
}

/** Resolves when the replica has executed all that the primary has now. */
export async function replicated(primary: SqlServer, replica: SqlServer): Promise<void> {
  const mysql = primary.flavour === 'mysql'
  const [end] = await primary.query<{ gtids: string }>(
    mysql ? 'SELECT @@GLOBAL.gtid_executed AS gtids' : 'SELECT @@GLOBAL.gtid_binlog_pos AS gtids',
  )
  const wait = mysql ? 'WAIT_FOR_EXECUTED_GTID_SET' : 'MASTER_GTID_WAIT'
  const [answer] = await replica.query<{ late: number }>(`SELECT ${wait}(?, ${WAIT_S}) AS late`, [end!.gtids])
  if (answer!.late !== 0) throw new Error(`the replica was not there within ${WAIT_S} s`)
}

/** The replica becomes a server of its own. */
export async function promote(replica: SqlServer): Promise<void> {
  await replica.query(replica.flavour === 'mysql' ? 'STOP REPLICA; RESET REPLICA ALL' : 'STOP SLAVE; RESET SLAVE ALL')
}
