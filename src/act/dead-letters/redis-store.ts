import type { RedisConnection } from '../../clients/redis.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../core/dead-letter.ts'
import { expire, filtered, full, parkedKey, parseLetter, serialiseLetter, unreachable } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'

const PAGE = 200
/** Entries written by one script: it holds up other clients while it runs. */
const ADD_PAGE = 100
const READY_TIMEOUT_MS = 5_000

/**
 * KEYS: letters (hash id → JSON), order (sorted set of ids), bytes, sequence · ARGV: maxCount, maxBytes, id, JSON, …
 * All or nothing: counts first, writes after. Answers 0 when it would go beyond a bound. Repeating it changes nothing.
 */
const ADD = `
local count, bytes, fresh, seen = 0, 0, {}, {}
for i = 3, #ARGV, 2 do
  if not seen[ARGV[i]] and redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then
    count = count + 1
    bytes = bytes + #ARGV[i + 1]
    fresh[count] = i
    seen[ARGV[i]] = true
  end
end
if count == 0 then return 1 end
if redis.call('HLEN', KEYS[1]) + count > tonumber(ARGV[1]) then return 0 end
if tonumber(redis.call('GET', KEYS[3]) or '0') + bytes > tonumber(ARGV[2]) then return 0 end
for _, i in ipairs(fresh) do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[4]), ARGV[i])
end
redis.call('INCRBY', KEYS[3], bytes)
return 1`

/** KEYS as above · ARGV: ids. Answers how many there were. */
const REMOVE = `
local removed = 0
for i = 1, #ARGV do
  local body = redis.call('HGET', KEYS[1], ARGV[i])
  if body then
    removed = removed + 1
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('DECRBY', KEYS[3], #body)
  end
end
return removed`

/**
 * Dead letters beside the checkpoint in Redis. As durable as that Redis is: with appendfsync=always an entry is on disk
 * before `add` resolves, with everysec a crash of the Redis machine can take the last second along (docs/operations.md).
 */
export class RedisDeadLetterStore implements DeadLetterStore {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #limits: DeadLetterLimits
  readonly #keys: readonly [letters: string, order: string, bytes: string, sequence: string]
  readonly #now: () => number

  /** Owns `redis`: `close` closes it. The braces are a Cluster hash tag: one instance, one node. */
  constructor(redis: RedisConnection, name: string, limits: DeadLetterLimits, now: () => number = Date.now) {
    this.#redis = redis
    this.#limits = limits
    this.#now = now
    const key = `bingo:{${name}}:dead-letters`
    this.#keys = [key, `${key}:order`, `${key}:bytes`, `${key}:sequence`]
    this.description = `${redis.address} ${key}`
  }

  async add(letters: readonly DeadLetter[]): Promise<void> {
    await expire(this, this.#limits.maxAgeMs, this.#now())
    for (let from = 0; from < letters.length; from += ADD_PAGE) {
      const page = letters.slice(from, from + ADD_PAGE).flatMap((letter) => [letter.id, serialiseLetter(letter)])
      const { maxCount, maxBytes } = this.#limits
      const added = await this.#run((client) =>
        client.eval(ADD, this.#keys.length, ...this.#keys, maxCount, maxBytes, ...page),
      )
      if (added !== 1) throw full(this.description)
    }
  }

  async parkedKeys(): Promise<ReadonlySet<string>> {
    const keys = new Set<string>()
    for await (const letter of this.#all()) {
      const key = parkedKey(letter)
      if (key !== null) keys.add(key)
    }
    return keys
  }

  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    return filtered(filter.ids === undefined ? this.#all() : this.#read(filter.ids), filter)
  }

  async *#all(): AsyncIterable<DeadLetter> {
    let after = '-inf'
    while (true) {
      const page = await this.#run((client) =>
        client.zrangebyscore(this.#keys[1], after, '+inf', 'WITHSCORES', 'LIMIT', 0, PAGE),
      )
      const ids = page.filter((_, i) => i % 2 === 0)
      if (ids.length === 0) return
      yield* this.#read(ids)
      after = `(${page.at(-1)}`
    }
  }

  async *#read(ids: readonly string[]): AsyncIterable<DeadLetter> {
    for (let from = 0; from < ids.length; from += PAGE) {
      const page = ids.slice(from, from + PAGE)
      const bodies = await this.#run((client) => client.hmget(this.#keys[0], ...page))
      // One that is missing was removed by someone else since its id was read.
      for (const body of bodies) if (body !== null) yield parseLetter(body, this.description)
    }
  }

  async remove(ids: readonly string[]): Promise<number> {
    let removed = 0
    for (let from = 0; from < ids.length; from += PAGE) {
      const page = ids.slice(from, from + PAGE)
      removed += Number(await this.#run((client) => client.eval(REMOVE, this.#keys.length, ...this.#keys, ...page)))
    }
    return removed
  }

  async count(): Promise<number> {
    return this.#run((client) => client.hlen(this.#keys[0]))
  }

  async close(): Promise<void> {
    await this.#redis.close()
  }

  /** Rejects with BINGO_DEAD_LETTERS_UNREACHABLE or BINGO_REDIS_UNREACHABLE. */
  async #run<T>(work: (client: RedisConnection['client']) => Promise<T>): Promise<T> {
    try {
      await this.#redis.whenReady(READY_TIMEOUT_MS)
      return await work(this.#redis.client)
    } catch (error) {
      throw unreachable(this.description, error)
    }
  }
}
