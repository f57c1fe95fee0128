import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startMariadbServer } from '../../../src/demo/servers/mariadb.ts'
import { startMysqlServer } from '../../../src/demo/servers/mysql.ts'
import { startRedisServer } from '../../../src/demo/servers/redis.ts'

/** What the daemon and the commands consist of. */
const PROGRAMS = ['daemon/run-daemon', 'check/check-all', 'dead-letters/dead-letters-retry']
/** The setup of a project; others have the same. */
const DONE = 'BINGO_TESTS_SERVERS_FETCHED'

/**
 * Fetches what the tests need before the first one runs, so that no test's own time is spent on a download, and compiles
 * the sources for their processes: one that is killed leaves nothing for the next one.
 */
export default async function setup(): Promise<void> {
  if (process.env[DONE] !== undefined) return
  process.env[DONE] = 'yes'
  for (const start of [startMysqlServer, startRedisServer, () => startMariadbServer({ version: '10.11' })]) {
    const server = await start()
    await server.stop()
  }
  const files = PROGRAMS.map((name) => new URL(`../../../src/cli/${name}.ts`, import.meta.url).href)
  const script = `${files.map((file) => `await import(${JSON.stringify(file)});`).join(' ')} process.exit()`
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
}
