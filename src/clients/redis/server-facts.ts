import type { RedisClient } from './redis.ts'

/** What a Redis server says of itself: fields of INFO, and settings where it tells them. */
export interface RedisServerFacts {
  readonly version: string
  readonly isAppendOnly: boolean
  /** Null: CONFIG is not granted. */
  readonly appendFsync: string | null
  readonly skipsFsyncOnRewrite: boolean
  readonly evictionPolicy: string
  readonly hasReplicas: boolean
}

/** KEYS[1]: any key of the store, so that the right node of a Cluster is asked. */
const ASK_SERVER = `return redis.call('INFO')`
const SETTINGS = ['appendfsync', 'no-appendfsync-on-rewrite']

/** Asks the server that has `key`. Rejects with the error of the client. */
export async function askRedisServer(client: RedisClient, key: string): Promise<RedisServerFacts> {
  const pipeline = client.pipeline().eval(ASK_SERVER, 1, key)
  for (const setting of SETTINGS) pipeline.call('CONFIG', 'GET', setting)
  const [info, ...settings] = (await pipeline.exec()) ?? []
  if (info === undefined || info[0] !== null) throw info?.[0] ?? new Error('INFO was not answered')
  // Managed servers do not tell their settings.
  const config = settings.flatMap(([error, pair]) => (error === null ? [pair as [string, string]] : []))
  return factsOf(info[1] as string, new Map(config))
}

export function factsOf(info: string, config: ReadonlyMap<string, string>): RedisServerFacts {
  const field = (name: string): string => new RegExp(`^${name}:([^\\r\\n]*)`, 'm').exec(info)?.[1] ?? ''
  return {
    version: field('redis_version'),
    isAppendOnly: field('aof_enabled') === '1',
    appendFsync: config.get('appendfsync') ?? null,
    skipsFsyncOnRewrite: config.get('no-appendfsync-on-rewrite') === 'yes',
    evictionPolicy: field('maxmemory_policy'),
    hasReplicas: Number(field('connected_slaves')) > 0,
  }
}
