import type { RedisServerFacts } from '../../clients/redis/server-facts.ts'
import type { Capabilities } from '../../model/state/event-log.ts'
import type { EventRedisAddress } from './address.ts'
import { unsafe } from './errors.ts'

/** What an answer of this server means. */
export interface Safety {
  readonly durability: Capabilities['durability']
  /** WAITAOF after every change. */
  readonly waitsForFsync: boolean
  /** To be said at the start: what can still be lost. */
  readonly warnings: readonly string[]
}

const OLDEST = [6, 2]
const KNOWS_WAITAOF = [7, 2]

/** Throws BINGO_LOG_UNSAFE for a server that drops or cannot sync what it has answered. */
export function judgeServer(facts: RedisServerFacts, address: EventRedisAddress): Safety {
  const { version, isAppendOnly, evictionPolicy } = facts
  const log = address.printable
  if (!isAtLeast(version, OLDEST)) throw unsafe(log, `it is version ${version}`, 'Use Redis 6.2 or newer, or Valkey.')
  if (evictionPolicy.startsWith('allkeys')) {
    const why = `it evicts keys when its memory is full (maxmemory-policy ${evictionPolicy})`
    throw unsafe(log, why, 'Set maxmemory-policy noeviction, or use another Redis for events than for caches.')
  }
  if (address.durability === 'fsync') checkFsync(facts, log)
  const isAlwaysSynced = isAppendOnly && facts.appendFsync === 'always' && !facts.skipsFsyncOnRewrite
  const waitsForFsync = address.durability === 'fsync' && !isAlwaysSynced
  const durability = isAlwaysSynced || waitsForFsync ? 'fsync' : isAppendOnly ? 'server' : 'memory'
  return { durability, waitsForFsync, warnings: warningsOf(facts, durability, address) }
}

function checkFsync({ version, isAppendOnly, appendFsync }: RedisServerFacts, log: string): void {
  if (!isAppendOnly) {
    throw unsafe(
      log,
      '?durability=fsync needs an append-only file',
      'Set appendonly yes on the server, or remove the option.',
    )
  }
  if (appendFsync === 'no') {
    throw unsafe(
      log,
      '?durability=fsync, but the server never syncs (appendfsync no)',
      'Set appendfsync always or everysec.',
    )
  }
  if (appendFsync !== 'always' && !isAtLeast(version, KNOWS_WAITAOF)) {
    const why = `?durability=fsync needs WAITAOF of Redis 7.2, and it is version ${version}`
    throw unsafe(log, why, 'Set appendfsync always, use a newer server, or remove the option.')
  }
}

function warningsOf(
  { hasReplicas, appendFsync }: RedisServerFacts,
  durability: Capabilities['durability'],
  { redis, replicas }: EventRedisAddress,
): string[] {
  const warnings: string[] = []
  if (durability === 'memory') {
    warnings.push('events are in the memory of Redis only (appendonly no): a restart of the server loses them')
  }
  if (durability === 'server') {
    warnings.push(`a power cut can lose the last events that were answered (appendfsync ${appendFsync ?? 'unknown'})`)
  }
  if (replicas === 0 && (hasReplicas || redis.mode !== 'single')) {
    warnings.push('a failover can lose the last events that were answered: add ?replicas=1 to wait for a replica')
  }
  return warnings
}

function isAtLeast(version: string, [major, minor]: readonly number[]): boolean {
  const [own = 0, ownMinor = 0] = version.split('.').map(Number)
  return own > major! || (own === major! && ownMinor >= minor!)
}
