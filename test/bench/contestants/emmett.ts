import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'

/**
 * Installed beside the servers: nothing but this comparison needs it. That for SQLite has a client that is compiled for minutes, and
 * its appends fail here (SQLITE_BUSY at COMMIT): it is not measured.
 */
const PACKAGES = {
  '@event-driven-io/emmett': '0.42.0',
  '@event-driven-io/emmett-postgresql': '0.42.0',
  '@event-driven-io/pongo': '0.16.11',
}

/** What of Emmett's event stores is used. */
interface Store {
  appendToStream(
    stream: string,
    events: readonly { readonly type: string; readonly data: unknown }[],
    options: { readonly expectedStreamVersion: bigint | 'STREAM_DOES_NOT_EXIST' },
  ): Promise<unknown>
  close(): Promise<void>
}

/** Appends one event to a stream of `version - 1` events. */
export interface EmmettStore {
  append(stream: string, version: number, payload: unknown): Promise<void>
  close(): Promise<void>
}

export async function openEmmett(address: string): Promise<EmmettStore> {
  const folder = await installed()
  const path = createRequire(join(folder, 'package.json')).resolve('@event-driven-io/emmett-postgresql')
  const { getPostgreSQLEventStore } = (await import(pathToFileURL(path.replace(/\.cjs$/, '.js')).href)) as {
    readonly getPostgreSQLEventStore: (address: string) => Store
  }
  const store = getPostgreSQLEventStore(address)
  return {
    append: async (stream, version, payload) => {
      const expectedStreamVersion = version === 1 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version - 1)
      await store.appendToStream(stream, [{ type: 'order.placed', data: payload }], { expectedStreamVersion })
    },
    close: () => store.close(),
  }
}

function installed(): Promise<string> {
  return ensureCached(serversCacheFolder(), 'emmett-0.42', async (folder) => {
    progressOnStderr('installing Emmett …')
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }))
    const args = ['install', '--no-audit', '--no-fund']
    await runCommand({ command: 'npm', args, env: {} }, { cwd: folder })
  })
}
