import type { RedisClient } from '../../../clients/redis/redis.ts'
import { nodesOf } from '../../../clients/redis/redis-client.ts'
import { isPattern } from '../topic-pattern.ts'

const SCAN_COUNT = 1_000

/** Keys of streams that match; names that are not a stream yet are left out. Rejects with the client's error. */
export async function findStreams(client: RedisClient, patterns: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>()
  for (const pattern of patterns) {
    if (!isPattern(pattern)) {
      if ((await client.type(pattern)) === 'stream') found.add(pattern)
      continue
    }
    const match = pattern.replaceAll(/[[\]\\^]/g, '\\$&')
    for (const node of nodesOf(client)) {
      let cursor = '0'
      do {
        const reply = await node.call('SCAN', cursor, 'MATCH', match, 'COUNT', SCAN_COUNT, 'TYPE', 'stream')
        const [next, keys] = reply as [string, string[]]
        for (const key of keys) found.add(key)
        cursor = next
      } while (cursor !== '0')
    }
  }
  return [...found].toSorted()
}
