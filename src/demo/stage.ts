import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRedis, type RedisConnection } from '../clients/redis/redis.ts'
import type { Log } from '../model/rule/action.ts'
import { DaemonProcess } from './daemon-process.ts'
import { demoRules } from './rules.ts'
import { startMariadbServer } from './servers/mariadb.ts'
import { startMysqlServer } from './servers/mysql.ts'
import { freePort } from './servers/ports.ts'
import { startRedisServer, type RedisServer } from './servers/redis.ts'
import type { SqlServer } from './servers/sql-server.ts'
import { WebhookReceiver } from './webhook-receiver.ts'

export interface StageOptions {
  readonly mariadb: boolean
  readonly signal: AbortSignal
  readonly log: Log
  /** Told what takes a while. */
  readonly onProgress: (message: string) => void
}

/** Everything that the demo plays on. */
export interface Stage extends AsyncDisposable {
  readonly sql: SqlServer
  readonly redis: RedisServer
  /** For commands. */
  readonly cache: RedisConnection
  /** Told each key that Redis deletes. */
  onKeyGone(listener: (key: string) => void): void
  readonly webhook: WebhookReceiver
  readonly rulesFile: string
  readonly auditFile: string
  readonly logFile: string
  startDaemon(): Promise<DaemonProcess>
}

const REDIS_TIMEOUT_MS = 10_000

/** Starts real servers, a webhook receiver and a folder. Whatever was started is stopped when disposed, or on a failure. */
export async function setStage(options: StageOptions): Promise<Stage> {
  const cleanUps: (() => Promise<unknown>)[] = []
  const cleanUp = async (): Promise<void> => {
    for (const each of cleanUps.splice(0).toReversed()) await each()
  }
  const owned = <T extends AsyncDisposable>(resource: T): T => {
    cleanUps.push(() => Promise.resolve(resource[Symbol.asyncDispose]()))
    return resource
  }
  try {
    return await open(options, owned, cleanUps, cleanUp)
  } catch (error) {
    await cleanUp()
    throw error
  }
}

async function open(
  { mariadb, signal, log, onProgress }: StageOptions,
  owned: <T extends AsyncDisposable>(resource: T) => T,
  cleanUps: (() => Promise<unknown>)[],
  cleanUp: () => Promise<void>,
): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'bingo-demo-'))
  cleanUps.push(() => rm(folder, { recursive: true, force: true }))
  const sql = owned(await (mariadb ? startMariadbServer : startMysqlServer)({ onProgress }))
  signal.throwIfAborted()
  const redis = owned(await startRedisServer({ onProgress, args: ['--notify-keyspace-events', 'Eg'] }))
  signal.throwIfAborted()
  const webhook = owned(await WebhookReceiver.open())
  const cache = await connected(redis.url, 'demo', log)
  cleanUps.push(() => cache.close())
  const events = await connected(redis.url, 'demo:events', log)
  cleanUps.push(() => events.close())
  await events.client.subscribe('__keyevent@0__:del')
  const rulesFile = join(folder, 'rules.yaml')
  const auditFile = join(folder, 'audit.ndjson')
  const logFile = join(folder, 'bingo.log')
  await writeFile(rulesFile, demoRules(webhook.url, auditFile))
  return {
    sql,
    redis,
    cache,
    webhook,
    rulesFile,
    auditFile,
    logFile,
    onKeyGone: (listener) => void events.client.on('message', (_channel: string, key: string) => listener(key)),
    startDaemon: async () => {
      const checkpointFile = join(folder, 'checkpoint')
      const eventsFile = join(folder, 'events')
      const port = await freePort()
      const addresses = { sourceUrl: sql.url, redisUrl: redis.url }
      return owned(
        await DaemonProcess.start({ ...addresses, rulesFile, checkpointFile, eventsFile, logFile, port }, signal),
      )
    },
    [Symbol.asyncDispose]: cleanUp,
  }
}

async function connected(url: string, name: string, log: Log): Promise<RedisConnection> {
  const connection = openRedis(url, { log, name })
  await connection.whenReady(REDIS_TIMEOUT_MS)
  return connection
}
