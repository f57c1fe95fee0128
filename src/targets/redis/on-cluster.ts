import type { RedisClient } from '../../clients/redis/redis.ts'
import { BingoError } from '../../model/errors.ts'

/** Why `exactlyOnce` is refused on a Cluster. */
export function onCluster(): BingoError {
  return new BingoError(
    'BINGO_REDIS_EXACTLY_ONCE_CLUSTER',
    'exactlyOnce does not work on a Redis Cluster: the record of applied events is on another node than the data',
    {
      hint: 'Use a single Redis or a Sentinel group, or remove exactlyOnce and let readers deduplicate by the event id.',
    },
  )
}

/** Whether this is a node of a Cluster, whatever its address looks like. */
export async function isCluster(client: Pick<RedisClient, 'info'>): Promise<boolean> {
  return /cluster_enabled:1/.test(await client.info('cluster'))
}
