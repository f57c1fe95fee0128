import { startMariadbServer } from '../../../src/demo/servers/mariadb.ts'
import { startMysqlServer } from '../../../src/demo/servers/mysql.ts'
import { startRedisServer } from '../../../src/demo/servers/redis.ts'

/** Fetches what the tests need before the first one runs, so that no test's own time is spent on a download. */
export default async function setup(): Promise<void> {
  for (const start of [startMysqlServer, startRedisServer, () => startMariadbServer({ version: '10.11' })]) {
    const server = await start()
    await server.stop()
  }
}
