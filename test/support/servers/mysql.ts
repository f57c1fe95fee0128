import type { SqlServerOptions } from '../../../src/demo/servers/sql-options.ts'
import { startMysqlServer } from '../../../src/demo/servers/mysql.ts'
import { connectTo, SqlServer } from '../../../src/demo/servers/sql-server.ts'

export { mysqlTool } from '../../../src/demo/servers/mysql.ts'
export type { SqlServer } from '../../../src/demo/servers/sql-server.ts'

/** Nothing is measured in it: it spares each start a quarter of its CPU time, and half of the memory. */
const LIGHT = ['--performance-schema=OFF']

/**
 * A MySQL for a test: one of its own, with the options asked for. With BINGO_TEST_MYSQL_URL that server is used instead
 * where no options are asked for (it cannot be reconfigured, restarted or killed).
 */
export async function startMysql(options: SqlServerOptions = {}): Promise<SqlServer> {
  const url = process.env['BINGO_TEST_MYSQL_URL']
  if (url !== undefined && Object.keys(options).length === 0) return attach('mysql', url)
  return startMysqlServer({ ...options, args: [...LIGHT, ...(options.args ?? [])] })
}

export async function attach(flavour: 'mysql' | 'mariadb', url: string): Promise<SqlServer> {
  const { hostname, port, username, password } = new URL(url)
  const facts = {
    flavour,
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
  const connection = await connectTo(facts.host, facts.port, facts.user, facts.password)
  const [rows] = await connection.query('SELECT VERSION() AS version')
  await connection.end()
  return new SqlServer(
    { ...facts, version: (rows as { version: string }[])[0]!.version, origin: 'environment' },
    null,
    null,
  )
}
