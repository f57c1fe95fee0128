import type { RedisConnection } from '../../clients/redis/redis.ts'
import type { Lease } from '../../model/state/lease.ts'
import type { BingoError } from '../../model/errors.ts'
import type { StateStore, Versioned } from '../../model/state/state.ts'
import { stateCorrupt } from '../../model/state/state-value.ts'
import { stateUnreachable } from '../errors.ts'
import { newHolder } from '../lease/holder.ts'
import { RedisLease } from '../lease/redis-lease.ts'

/** KEYS[1] hash of value and version · ARGV: value, version to replace. Answers 1 when it is stored now. */
const SAVE = `
local stored = redis.call('HMGET', KEYS[1], 'version', 'value')
local version = tonumber(stored[1] or '0')
local replaced = tonumber(ARGV[2])
if version == replaced then
  redis.call('HSET', KEYS[1], 'version', replaced + 1, 'value', ARGV[1])
  return 1
end
if version == replaced + 1 and stored[2] == ARGV[1] then return 1 end
return 0`

const VERSION = /^[1-9]\d{0,14}$/

/**
 * State in Redis: one hash per key, `bingo:{NAME}:state:KEY`. As durable as that Redis is (docs/operations.md). A save is
 * one script; an answer that was lost may be asked for again.
 */
export class RedisStateStore implements StateStore {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #prefix: string

  /** Owns `redis`: `close` closes it. The braces are a Cluster hash tag: all keys of one instance live on one node. */
  constructor(redis: RedisConnection, name: string) {
    this.#redis = redis
    this.#prefix = `bingo:{${name}}:`
    this.description = `${redis.address} ${this.#prefix}state`
  }

  async load(key: string): Promise<Versioned | null> {
    const [version, value] = await this.#run((client) => client.hmget(this.#key(key), 'version', 'value'))
    if (version == null && value == null) return null
    // No save would replace such a version, however often it is tried.
    if (version == null || !VERSION.test(version)) throw this.#corrupt(key, 'version is not a number of 1 or more')
    if (value == null) throw this.#corrupt(key, 'value is missing')
    return { value, version: Number(version) }
  }

  async save(key: string, value: string, ifVersion: number | null): Promise<boolean> {
    return (await this.#run((client) => client.eval(SAVE, 1, this.#key(key), value, ifVersion ?? 0))) === 1
  }

  lease(name: string, ttlMs: number): Lease {
    const key = `${this.#prefix}lease:${name}`
    return new RedisLease(this.#redis, { key, holder: newHolder(), ttlMs, shared: true })
  }

  close(): Promise<void> {
    return this.#redis.close()
  }

  #corrupt(key: string, fault: string): BingoError {
    return stateCorrupt(`${this.description} ${key}`, fault)
  }

  #key(key: string): string {
    return `${this.#prefix}state:${key}`
  }

  #run<T>(work: (client: RedisConnection['client']) => Promise<T>): Promise<T> {
    return this.#redis.run(work, (error) => stateUnreachable(this.description, error))
  }
}
