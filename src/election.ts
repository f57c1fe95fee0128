import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { openRedis } from './clients/redis.ts'
import type { Config } from './config/config.ts'
import type { Log } from './core/action.ts'
import type { Clock } from './core/clock.ts'
import type { LeaseStore } from './core/lease.ts'
import type { Stats } from './core/stats.ts'
import { LockLease } from './source/lock-lease.ts'
import { Leadership } from './standby/leadership.ts'
import { RedisLease } from './standby/redis-lease.ts'

/** This process's part in the election of a leader; null where `standby.lease` is off. Nothing is asked yet. */
export function openLeadership(
  config: Config,
  deps: { readonly log: Log; readonly clock: Clock; readonly stats: Stats },
): Leadership | null {
  const store = openLease(config, deps.log)
  if (store === null) return null
  return new Leadership({ store, ttlMs: config.standby.ttlMs, ...deps, stats: deps.stats.standby })
}

function openLease({ name, standby, checkpoint, source }: Config, log: Log): LeaseStore | null {
  switch (standby.lease) {
    case 'off':
      return null
    case 'mysql':
      return new LockLease(source, name, standby.ttlMs)
    case 'redis': {
      const redis = openRedis(checkpoint.store, { log, name: `${name}:lease`, commandTimeoutMs: standby.ttlMs / 2 })
      // Readable, for whoever looks for the leader; unique, because a process id comes again.
      const holder = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`
      return new RedisLease(redis, name, holder, standby.ttlMs)
    }
  }
}
