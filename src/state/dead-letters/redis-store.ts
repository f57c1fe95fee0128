import type { RedisConnection } from '../../clients/redis/redis.ts'
import { systemClock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { Expiry } from './expiry.ts'
import type { StoreClock } from './expiry.ts'
import { newHolder } from '../lease/holder.ts'
import { RedisLease } from '../lease/redis-lease.ts'
import { holdLease, RETRY_LEASE_MS } from './hold-lease.ts'
import { createdAtIn, filtered, full, parkedKeyOf, parseLetter, serialiseLetter, unreachable } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'
import { ADD, FIND, PAGE as READ, REMOVE } from './redis-scripts.ts'

/** Entries read or removed by one script. */
const PAGE = 200
const SCAN_COUNT = 1_000
/** Entries written by one script: it holds up other clients while it runs. */
const ADD_PAGE = 100

/** An entry where it stands in the order of all, as JSON. */
interface Placed {
  readonly id: string
  readonly place: string
  readonly text: string
}

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
    this.#expiry = new Expiry((before) => this.#removeOlder(before), limits.maxAgeMs, clock)
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
    const answer = (await this.#eval(ADD, maxCount, maxBytes, ...values)) as readonly number[]
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
    const { ids } = filter
    return filtered(ids === undefined || ids.length > PAGE ? this.#all() : this.#found(ids), filter)
  }

  async *#all(): AsyncIterable<DeadLetter> {
    for (let page = await this.#page(null); page.length > 0; page = await this.#page(page.at(-1)!.place)) {
      for (const each of page) yield parseLetter(each, this.description)
    }
  }

  async *#found(ids: readonly string[]): AsyncIterable<DeadLetter> {
    const found = this.#placed(await this.#eval(FIND, ...new Set(ids)))
    for (const each of found.toSorted((one, other) => Number(one.place) - Number(other.place))) {
      yield parseLetter(each, this.description)
    }
  }

  async #page(after: string | null): Promise<readonly Placed[]> {
    return this.#placed(await this.#eval(READ, after === null ? '-inf' : `(${after}`, PAGE))
  }

  #placed(answer: unknown): readonly Placed[] {
    const texts = answer as readonly string[]
    return Array.from({ length: texts.length / 3 }, (_, i) => {
      const [id, place, body] = texts.slice(3 * i) as [string, string, string]
      return { id, place, text: body.split('\n', 1)[0]! }
    })
  }

  async remove(ids: readonly string[]): Promise<number> {
    let removed = 0
    for (let from = 0; from < ids.length; from += PAGE) {
      const page = ids.slice(from, from + PAGE)
      removed += Number(await this.#eval(REMOVE, ...page.flatMap((id) => [id, ''])))
    }
    return removed
  }

  /** What came again since it was read stays: it has another place then. So does what nobody knows the age of. */
  async #removeOlder(before: number): Promise<void> {
    for (let after: string | null = null; ;) {
      const page: readonly Placed[] = await this.#page(after)
      const ages = page.map(({ text }) => createdAtIn(text))
      const young = ages.findIndex((at) => at !== null && at >= before)
      const old = page.filter((_, i) => ages[i] !== null && (young === -1 || i < young))
      if (old.length > 0) await this.#eval(REMOVE, ...old.flatMap(({ id, place }) => [id, place]))
      if (page.length === 0 || young !== -1) return
      after = page.at(-1)!.place
    }
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

  #eval(script: string, ...values: readonly (string | number)[]): Promise<unknown> {
    return this.#run((client) => client.eval(script, this.#keys.length, ...this.#keys, ...values))
  }

  /** Rejects with BINGO_DEAD_LETTERS_UNREACHABLE or BINGO_REDIS_UNREACHABLE. */
  #run<T>(work: (client: RedisConnection['client']) => Promise<T>): Promise<T> {
    return this.#redis.run(work, (error) => unreachable(this.description, error))
  }
}
