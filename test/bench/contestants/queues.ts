import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
// oxlint-disable-next-line no-restricted-imports -- the client of one that we compare with
import { Redis } from 'ioredis'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'
import { createBroker } from '../../../src/index.ts'

/** Installed beside the servers: nothing but this comparison needs them. */
const PG_BOSS = '12.38.0'
const BULLMQ = '6.7.0'

/** What is posted in one process and handled in the same one. */
export interface Queue {
  /** Resolves when it is stored. */
  publish(key: string): Promise<unknown>
  close(): Promise<void>
}

/** `handled`: called with the key of each. */
export type OpenQueue = (url: string, handled: (key: string) => void) => Promise<Queue>

const NAME = 'bench.posted'
const TEXT = 'x'.repeat(200)
/** Handlers at the same time, and jobs fetched at once where that is a setting. */
const AT_ONCE = 64
const CONNECTIONS = 10

export const openBroker: OpenQueue = async (url, handled) => {
  const broker = createBroker({ store: url, state: 'memory:', workers: AT_ONCE, buffer: 100_000 })
  broker.subscribe(NAME, ({ key }) => handled(key!))
  await broker.start()
  return {
    publish: (key) => broker.publishAsync(NAME, { text: TEXT }, { key }),
    close: async () => void (await broker.stop()),
  }
}

interface PgBoss {
  on(event: 'error', listener: (error: Error) => void): void
  start(): Promise<unknown>
  stop(options: object): Promise<void>
  createQueue(name: string, options: object): Promise<void>
  send(name: string, data: object): Promise<string | null>
  work(
    name: string,
    options: object,
    handler: (jobs: readonly { data: { key: string } }[]) => Promise<void>,
  ): Promise<string>
}

/** Woken by NOTIFY, in batches, and fetching on at once while there is more: its fastest settings. */
export const openPgBoss: OpenQueue = async (url, handled) => {
  const { PgBoss } = (await load('pg-boss', PG_BOSS)) as { readonly PgBoss: new (options: object) => PgBoss }
  const boss = new PgBoss({ connectionString: url, max: CONNECTIONS, useListenNotify: true })
  boss.on('error', (error) => progressOnStderr(`pg-boss: ${error.message}`))
  await boss.start()
  await boss.createQueue(NAME, { notify: true })
  const options = {
    batchSize: AT_ONCE,
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
  }
  await boss.work(NAME, options, async (jobs) => {
    for (const { data } of jobs) handled(data.key)
  })
  return {
    publish: (key) => boss.send(NAME, { key, text: TEXT }),
    close: () => boss.stop({ graceful: false }),
  }
}

interface BullMq {
  readonly Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: object, options: object): Promise<unknown>
    close(): Promise<void>
  }
  readonly Worker: new (
    name: string,
    handler: (job: { data: { key: string } }) => Promise<void>,
    options: object,
  ) => { waitUntilReady(): Promise<unknown>; close(force: boolean): Promise<void> }
}

export const openBullMq: OpenQueue = async (url, handled) => {
  const { Queue, Worker } = (await load('bullmq', BULLMQ)) as BullMq
  const connections = [0, 1].map(() => new Redis(url, { maxRetriesPerRequest: null }))
  const queue = new Queue('bench', { connection: connections[0] })
  const worker = new Worker('bench', async ({ data }) => handled(data.key), {
    connection: connections[1],
    concurrency: AT_ONCE,
  })
  await worker.waitUntilReady()
  return {
    publish: (key) => queue.add(NAME, { key, text: TEXT }, { removeOnComplete: 1_000 }),
    close: async () => {
      await worker.close(true)
      await queue.close()
      for (const connection of connections) connection.disconnect()
    },
  }
}

async function load(name: string, version: string): Promise<unknown> {
  const folder = await ensureCached(serversCacheFolder(), `${name}-${version}`, async (into) => {
    progressOnStderr(`installing ${name} …`)
    await writeFile(join(into, 'package.json'), JSON.stringify({ private: true, dependencies: { [name]: version } }))
    await runCommand({ command: 'npm', args: ['install', '--no-audit', '--no-fund'], env: {} }, { cwd: into })
  })
  const entry = createRequire(join(folder, 'package.json')).resolve(name)
  return import(pathToFileURL(entry).href)
}
