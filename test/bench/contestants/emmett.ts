import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'

/** Installed beside the servers: nothing but this comparison needs it. */
const POSTGRES = {
  folder: 'emmett-0.42',
  entry: '@event-driven-io/emmett-postgresql',
  packages: {
    '@event-driven-io/emmett': '0.42.0',
    '@event-driven-io/emmett-postgresql': '0.42.0',
    '@event-driven-io/pongo': '0.16.11',
  },
}

/** The newest one for SQLite whose other half is in the registry. Its client is compiled for minutes. */
const SQLITE = {
  folder: 'emmett-sqlite-0.38',
  entry: '@event-driven-io/emmett-sqlite',
  packages: { '@event-driven-io/emmett': '0.38.5', '@event-driven-io/emmett-sqlite': '0.38.5' },
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
  const { getPostgreSQLEventStore } = await loaded<{
    readonly getPostgreSQLEventStore: (address: string) => Store
  }>(POSTGRES)
  const store = getPostgreSQLEventStore(address)
  return { append: (stream, version, payload) => appendTo(store, stream, version, payload), close: () => store.close() }
}

/** Its appends fail where two are made at a time (SQLITE_MISUSE): they are made one after the other. */
export async function openEmmettOnSqlite(path: string): Promise<EmmettStore> {
  const { getSQLiteEventStore } = await loaded<{
    readonly getSQLiteEventStore: (options: object) => Omit<Store, 'close'>
  }>(SQLITE)
  const store = getSQLiteEventStore({ fileName: path, schema: { autoMigration: 'CreateOrUpdate' } })
  let last: Promise<unknown> = Promise.resolve()
  const append: EmmettStore['append'] = async (stream, version, payload) => {
    const turn = last.then(() => appendTo(store, stream, version, payload))
    last = turn
    await turn
  }
  return { append, close: () => Promise.resolve() }
}

async function appendTo(
  store: Pick<Store, 'appendToStream'>,
  stream: string,
  version: number,
  payload: unknown,
): Promise<void> {
  const expectedStreamVersion = version === 1 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version - 1)
  await store.appendToStream(stream, [{ type: 'order.placed', data: payload }], { expectedStreamVersion })
}

async function loaded<T>({ folder: name, entry, packages }: typeof POSTGRES | typeof SQLITE): Promise<T> {
  const folder = await ensureCached(serversCacheFolder(), name, async (into) => {
    progressOnStderr(`installing ${entry} …`)
    await writeFile(join(into, 'package.json'), JSON.stringify({ private: true, dependencies: packages }))
    const args = ['install', '--no-audit', '--no-fund']
    await runCommand({ command: 'npm', args, env: {} }, { cwd: into })
  })
  const path = createRequire(join(folder, 'package.json')).resolve(entry)
  return (await import(pathToFileURL(path.replace(/\.cjs$/, '.js')).href)) as T
}
