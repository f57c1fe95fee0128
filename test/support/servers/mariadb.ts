import { startMariadbServer } from '../../../src/demo/servers/mariadb.ts'
import type { MariadbVersion } from '../../../src/demo/servers/mariadb.ts'
import type { SqlServerOptions } from '../../../src/demo/servers/sql-options.ts'
import type { SqlServer } from '../../../src/demo/servers/sql-server.ts'
import { attach } from './mysql.ts'

/** As startMysql, with BINGO_TEST_MARIADB_URL. */
export async function startMariadb(options: SqlServerOptions & { version?: MariadbVersion } = {}): Promise<SqlServer> {
  const url = process.env['BINGO_TEST_MARIADB_URL']
  return url !== undefined && Object.keys(options).length === 0 ? attach('mariadb', url) : startMariadbServer(options)
}
