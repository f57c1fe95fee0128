import type { RedisConnection } from '../../clients/redis.ts'
import { BingoError } from '../../model/errors.ts'
import type { LeaseAnswer, Lease } from '../../model/lease.ts'

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

/** A key beside the checkpoint that expires; the server's clock decides. */
export class RedisLease implements Lease {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #key: string
  readonly #holder: string
  readonly #ttlMs: number

  /** Owns `redis`: `close` closes it. `holder` is unique to this process. */
  constructor(redis: RedisConnection, name: string, holder: string, ttlMs: number) {
    this.#redis = redis
    // The braces are a Cluster hash tag, as for the checkpoint.
    this.#key = `bingo:{${name}}:lease`
    this.#holder = holder
    this.#ttlMs = ttlMs
    this.description = `${redis.address} ${this.#key}`
  }

  async ask(): Promise<LeaseAnswer> {
    const answer = (await this.#run(ASK)) as [string, string?, number?]
    if (answer[0] === 'held') return { tag: 'held' }
    if (answer[0] === 'taken') return { tag: 'taken', after: answer[1] === 'release' ? 'release' : 'silence' }
    return { tag: 'other', holder: answer[1]!, remainingMs: answer[2]! < 0 ? this.#ttlMs : answer[2]! }
  }

  async release(): Promise<void> {
    await this.#run(RELEASE)
  }

  close(): Promise<void> {
    return this.#redis.close()
  }

  async #run(script: string): Promise<unknown> {
    try {
      await this.#redis.whenReady(this.#ttlMs)
      return await this.#redis.client.eval(script, 1, this.#key, this.#holder, this.#ttlMs)
    } catch (error) {
      throw new BingoError(
        'BINGO_LEASE_UNREACHABLE',
        `The lease in ${this.description} cannot be asked for: ${error instanceof Error ? error.message : String(error)}`,
        {
          hint: 'Check that the Redis of checkpoint.store is up and reachable. Without the lease nothing is delivered.',
          retryable: true,
          cause: error,
        },
      )
    }
  }
}
