import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'

/** Installed beside the servers: nothing but this comparison needs it. */
const VERSION = '5.3.0'

/** What of DBOS is used. */
interface Sdk {
  readonly DBOS: {
    setConfig(config: object): void
    registerWorkflow<T extends unknown[]>(
      work: (...args: T) => Promise<void>,
      config: { readonly name: string },
    ): (...args: T) => Promise<void>
    runStep(work: () => Promise<null>, config: { readonly name: string }): Promise<null>
    launch(): Promise<void>
    shutdown(): Promise<void>
  }
}

export interface DbosWorkflows {
  /** One workflow with so many steps, which do nothing; resolves when it is complete. */
  run(): Promise<void>
  close(): Promise<void>
}

/** Workflows in a PostgreSQL, with as many connections as BinGo's store may have. */
export async function openDbos(address: string, steps: number, connections: number): Promise<DbosWorkflows> {
  const path = createRequire(join(await installed(), 'package.json')).resolve('@dbos-inc/dbos-sdk')
  const { DBOS } = (await import(pathToFileURL(path).href)) as Sdk
  const systemDatabasePoolSize = connections
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: address,
    systemDatabasePoolSize,
    runAdminServer: false,
    logLevel: 'error',
  })
  const run = DBOS.registerWorkflow(
    async () => {
      for (let step = 0; step < steps; step++) await DBOS.runStep(async () => null, { name: `s${step}` })
    },
    { name: 'order' },
  )
  await DBOS.launch()
  return { run: () => run(), close: () => DBOS.shutdown() }
}

function installed(): Promise<string> {
  return ensureCached(serversCacheFolder(), `dbos-${VERSION}`, async (folder) => {
    progressOnStderr('installing DBOS …')
    const dependencies = { '@dbos-inc/dbos-sdk': VERSION }
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }))
    await runCommand({ command: 'npm', args: ['install', '--no-audit', '--no-fund'], env: {} }, { cwd: folder })
  })
}
