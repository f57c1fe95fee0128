import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Daemon } from './daemon.ts'
import type { RedisServer } from './servers/redis.ts'

/** A daemon whose only source is the one of this entry; it is prepared, not started. */
export async function brokerDaemon(
  entry: string,
  rules: string,
  redis: RedisServer,
  env: Readonly<Record<string, string>> = {},
): Promise<Daemon> {
  const options = { rules, sourceUrl: '', env: { BINGO_REDIS_URL: redis.url, ...env } }
  const daemon = await Daemon.prepare(options)
  const config = join(daemon.folder, 'config.yaml')
  await writeFile(config, `sources:\n  - ${entry}\n`)
  Object.assign(daemon.options.env!, { BINGO_CONFIG: config })
  return daemon
}

export async function rewrite(daemon: Daemon, entry: string): Promise<void> {
  await writeFile(join(daemon.folder, 'config.yaml'), `sources:\n  - ${entry}\n`)
}

export async function started(daemon: Daemon): Promise<Daemon> {
  daemon.spawn()
  await daemon.ready()
  return daemon
}

export async function listOf(redis: RedisServer, key: string): Promise<readonly string[]> {
  return (await redis.cli('--raw', 'LRANGE', key, '0', '-1')).split('\n').filter((line) => line !== '')
}
