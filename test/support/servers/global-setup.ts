import { execFile } from 'node:child_process'
import { copyFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { bundle, ROOT } from '../../../.config/bundle.ts'
import { startMariadbServer } from '../../../src/demo/servers/mariadb.ts'
import { startMysqlServer } from '../../../src/demo/servers/mysql.ts'
import { startRedisServer } from '../../../src/demo/servers/redis.ts'
import { BUNDLE, FAILPOINT_FILES, FAILPOINTS_BUNDLE } from '../main-file.ts'

/** Below them, `node_modules` is found. */
const BUNDLED = join(ROOT, 'node_modules/.cache/tested')
const WITH_FAILPOINTS = join(ROOT, 'node_modules/.cache/tested-with-failpoints')
/** What the daemon and the commands consist of, for those that run from the sources. */
const PROGRAMS = ['daemon/run-daemon', 'check/check-all', 'dead-letters/dead-letters-retry']
/** The setup of a project; others have the same. */
const DONE = 'BINGO_TESTS_SERVERS_FETCHED'

/**
 * Fetches what the tests need before the first one runs, so that no test's own time is spent on a download. Makes the
 * bundle that their processes run, as those of users do, in a third of the time that the sources need to start; and
 * compiles both: a process that is killed leaves nothing for the next one.
 */
export default async function setup(): Promise<void> {
  if (process.env[DONE] !== undefined) return
  process.env[DONE] = 'yes'
  for (const start of [startMysqlServer, startRedisServer, () => startMariadbServer({ version: '10.11' })]) {
    const server = await start()
    await server.stop()
  }
  process.env[BUNDLE] = await bundled(BUNDLED)
  // As in the package: the demo has its rules beside dist/.
  rmSync(join(BUNDLED, 'examples'), { force: true })
  symlinkSync(join(ROOT, 'examples'), join(BUNDLED, 'examples'))
  // Apart from the one that users run: what is in common with failpoints is cut into other files.
  const failpoints = FAILPOINT_FILES.map((name) => [`failpoints/${name}`, `test/fault/failpoints/${name}.ts`])
  process.env[FAILPOINTS_BUNDLE] = await bundled(WITH_FAILPOINTS, Object.fromEntries(failpoints))
  const files = [
    ...PROGRAMS.map((name) => join(ROOT, `src/cli/${name}.ts`)),
    ...chunksOf(BUNDLED),
    ...chunksOf(WITH_FAILPOINTS),
  ].map((file) => pathToFileURL(file).href)
  const script = `${files.map((file) => `await import(${JSON.stringify(file)});`).join(' ')} process.exit()`
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
}

/** Makes a bundle below the folder; answers its program. */
async function bundled(folder: string, more?: Readonly<Record<string, string>>): Promise<string> {
  const dist = join(folder, 'dist')
  // What is left of another tree would be compiled beside it.
  rmSync(dist, { recursive: true, force: true })
  await bundle(dist, more)
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  return join(dist, 'main.js')
}

function chunksOf(folder: string): string[] {
  const chunks = join(folder, 'dist/chunk')
  return readdirSync(chunks)
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(chunks, name))
}
