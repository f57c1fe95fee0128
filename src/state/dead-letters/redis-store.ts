import type { RedisConnection } from '../../clients/redis/redis.ts'
import { systemClock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { Expiry } from './expiry.ts'
import type { StoreClock } from './expiry.ts'
import { newHolder } from '../lease/holder.ts'
import { RedisLease } from '../lease/redis-lease.ts'
import { holdLease, RETRY_LEASE_MS } from './hold-lease.ts'
import { filtered, full, parkedKeyOf, parseLetter, serialiseLetter, unreachable } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'
import { ADD, REMOVE } from './redis-scripts.ts'

const PAGE = 200
const SCAN_COUNT = 1_000
/** Entries written by one script: it holds up other clients while it runs. */
const ADD_PAGE = 100
const READY_TIMEOUT_MS = 5_000

/**
 * Dead letters beside the checkpoint in Redis. As durable as that Redis is: with appendfsync=always an entry is on disk
 * before `add` resolves, with everysec a crash of the Redis machine can take the last second along (docs/operations.md).
 */
export class RedisDeadLetterStore implements DeadLetterStore {
  readonly description: string
  readonly #redis: RedisConnection
  readonly #limits: DeadLetterLimits
  readonly #keys: readonly [letters: string, order: string, bytes: string, sequence: string, parked: string]
  readonly #leaseKey: string
  readonly #expiry: Expiry

  /** Owns `redis`: `close` closes it. The braces are a Cluster hash tag: one instance, one node. */
  constructor(redis: RedisConnection, name: string, limits: DeadLetterLimits, clock: StoreClock = systemClock) {
    this.#redis = redis
    this.#limits = limits
    this.#expiry = new Expiry(this, limits.maxAgeMs, clock)
    const key = `bingo:{${name}}:dead-letters`
    this.#keys = [key, `${key}:order`, `${key}:bytes`, `${key}:sequence`, `${key}:parked`]
    this.#leaseKey = `${key}:lease`
    this.description = `${redis.address} ${key}`
  }

  async add(letters: readonly DeadLetter[]): Promise<readonly string[]> {
    await this.#expiry.run()
    const released: string[] = []
    const releasedKeys = new Set<string>()
    for (let from = 0; from < letters.length; from += ADD_PAGE) {
      const page: DeadLetter[] = []
      for (const letter of letters.slice(from, from + ADD_PAGE)) {
        if (releasedKeys.has(parkedKeyOf(letter) ?? '')) released.push(letter.id)
        else page.push(letter)
      }
      for (const letter of await this.#addPage(page)) {
        released.push(letter.id)
        releasedKeys.add(parkedKeyOf(letter)!)
      }
    }
    return released
  }

  /** Answers the letters that were not taken. */
  async #addPage(letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> {
    const { maxCount, maxBytes } = this.#limits
    const values = letters.flatMap((letter) => {
      const waits = letter.state === 'parked' ? '1' : '0'
      return [letter.id, parkedKeyOf(letter) ?? '', waits, `${serialiseLetter(letter)}\n`]
    })
    const answer = (await this.#run((client) =>
      client.eval(ADD, this.#keys.length, ...this.#keys, maxCount, maxBytes, ...values),
    )) as readonly number[]
    if (answer[0] !== 1) throw full(this.description)
    return answer.slice(1).map((place) => letters[place]!)
  }

  async parkedKeys(): Promise<ReadonlySet<string>> {
    const keys = new Set<string>()
    let cursor = '0'
    do {
      const [next, page] = await this.#run((client) => client.hscan(this.#keys[4], cursor, 'COUNT', SCAN_COUNT))
      for (let i = 0; i < page.length; i += 2) keys.add(page[i]!)
      cursor = next
    } while (cursor !== '0')
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
      for (const body of bodies)
        if (body !== null) yield parseLetter(body.slice(0, body.indexOf('\n')), this.description)
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

  lease(): Promise<AsyncDisposable> {
    const options = { key: this.#leaseKey, holder: newHolder(), ttlMs: RETRY_LEASE_MS, shared: true }
    return holdLease(new RedisLease(this.#redis, options), this.description)
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
