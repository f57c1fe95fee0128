import type { RedisConnection } from '../../clients/redis/redis.ts'
import type { Lease, LeaseAnswer } from '../../model/state/lease.ts'
import { leaseUnreachable } from '../errors.ts'

/** Stands in the key's place after a holder gave the lease back. No holder is called so. */
const RELEASED = 'released'

/** KEYS[1] lease · ARGV: holder, term in ms. Answers held | taken, release | taken, silence | other, holder, ms left. */
const ASK = `
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'held'}
end
if holder and holder ~= '${RELEASED}' then
  return {'other', holder, redis.call('PTTL', KEYS[1])}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'taken', holder and 'release' or 'silence'}`

/** KEYS and ARGV as above. */
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], '${RELEASED}', 'PX', ARGV[2])
end
return 0`

export interface RedisLeaseOptions {
  readonly key: string
  /** Unique to this process. */
  readonly holder: string
  readonly ttlMs: number
  /** The connection belongs to somebody else: `close` leaves it open. */
  readonly shared?: boolean
}

/** The key of the lease of an instance; the braces are a Cluster hash tag, as for the checkpoint. */
export function leaseKey(name: string): string {
  return `bingo:{${name}}:lease`
}

/** A key that expires; the server's clock decides. */
export class RedisLease implements Lease {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #options: RedisLeaseOptions

  constructor(redis: RedisConnection, options: RedisLeaseOptions) {
    this.#redis = redis
    this.#options = options
    this.description = `${redis.address} ${options.key}`
  }

  async ask(): Promise<LeaseAnswer> {
    const answer = (await this.#run(ASK)) as [string, string?, number?]
    if (answer[0] === 'held') return { tag: 'held' }
    if (answer[0] === 'taken') return { tag: 'taken', after: answer[1] === 'release' ? 'release' : 'silence' }
    return { tag: 'other', holder: answer[1]!, remainingMs: answer[2]! < 0 ? this.#options.ttlMs : answer[2]! }
  }

  async release(): Promise<void> {
    await this.#run(RELEASE)
  }

  async close(): Promise<void> {
    if (this.#options.shared !== true) await this.#redis.close()
  }

  async #run(script: string): Promise<unknown> {
    const { key, holder, ttlMs } = this.#options
    try {
      await this.#redis.whenReady(ttlMs)
      return await this.#redis.client.eval(script, 1, key, holder, ttlMs)
    } catch (error) {
      throw leaseUnreachable(this.description, error)
    }
  }
}
