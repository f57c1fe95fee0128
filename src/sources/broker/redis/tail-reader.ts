import { RedisConnection } from '../../../clients/redis/redis.ts'
import type { RedisAddress } from '../../../clients/redis/redis-url.ts'
import type { Clock } from '../../../model/clock.ts'
import type { Log } from '../../../model/rule/action.ts'
import type { BrokerReader, BrokerStep, PartLease } from '../contract.ts'
import type { BrokerStart } from '../start.ts'
import { startId, StreamCommands } from './commands.ts'
import { entryOf, recordOfEntry, type EntryOptions } from './entry.ts'
import { redisReadError } from './errors.ts'
import { findStreams } from './find-streams.ts'

export interface RedisTailOptions extends EntryOptions {
  readonly address: RedisAddress
  readonly description: string
  readonly topics: readonly string[]
  readonly start: BrokerStart
  readonly clock: Clock
  readonly log: Log
}

const READY_MS = 5_000
const DISCOVER_MS = 5_000
const BLOCK_MS = 300
const IDLE_MS = 100
const COUNT = 200

interface Followed extends PartLease {
  /** The last entry that was read. */
  read: string
}

/** Reads streams by their ids beside whoever else does: it makes no group, takes no lock and acknowledges nothing. */
export class RedisTailReader implements BrokerReader {
  readonly description: string
  readonly #options: RedisTailOptions
  readonly #connection: RedisConnection
  readonly #streams = new Map<string, Followed>()
  #hasBegun = false

  constructor(options: RedisTailOptions) {
    const { address, description, log } = options
    this.description = description
    this.#options = options
    this.#connection = new RedisConnection(address, { log, name: 'tail' })
  }

  async *read(_stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep> {
    const { clock } = this.#options
    try {
      await this.#connection.whenReady(READY_MS, signal)
      let discoverAt = 0
      while (!signal.aborted) {
        if (clock.monotonicMs() >= discoverAt) {
          await this.#discover()
          discoverAt = clock.monotonicMs() + DISCOVER_MS
          if (!this.#hasBegun) yield { tag: 'began', places: new Map() }
          this.#hasBegun = true
        }
        const count = yield* this.#fresh()
        yield { tag: 'read', all: count === 0 }
        if (count === 0 && (this.#streams.size === 0 || this.#isCluster)) {
          await clock.sleep(IDLE_MS, signal).catch(() => undefined)
        }
      }
    } catch (error) {
      if (!signal.aborted) throw redisReadError(this.description, error)
    }
  }

  ready(): undefined {
    return undefined
  }

  acknowledge(): void {
    // Nobody is to know what was looked at.
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  get #isCluster(): boolean {
    return this.#connection.mode === 'cluster'
  }

  async #discover(): Promise<void> {
    const { client } = this.#connection
    const { topics, start } = this.#options
    for (const stream of await findStreams(client, topics)) {
      if (this.#streams.has(stream)) continue
      const from = this.#hasBegun ? { tag: 'earliest' as const } : start
      // `$` would be another place with each command.
      const read = from.tag === 'latest' ? await lastOf(this.#connection, stream) : startId(from)
      this.#streams.set(stream, { part: stream, lost: false, read })
    }
  }

  async *#fresh(): AsyncGenerator<BrokerStep, number> {
    const streams = [...this.#streams.values()]
    let count = 0
    for (const some of this.#isCluster ? streams.map((stream) => [stream]) : streams.length === 0 ? [] : [streams]) {
      const block = this.#isCluster ? [] : ['BLOCK', BLOCK_MS]
      const places = [...some.map(({ part }) => part), ...some.map(({ read }) => read)]
      const reply = await this.#connection.client.callBuffer('XREAD', 'COUNT', COUNT, ...block, 'STREAMS', ...places)
      for (const [name, found] of (reply ?? []) as [Buffer, unknown[]][]) {
        const stream = this.#streams.get(String(name))!
        const entries = found.map(entryOf)
        count += entries.length
        stream.read = entries.at(-1)!.id
        const records = entries.map((entry) => recordOfEntry(stream.part, entry, this.#options))
        yield { tag: 'records', lease: stream, records, last: stream.read }
      }
    }
    return count
  }
}

async function lastOf({ client }: RedisConnection, stream: string): Promise<string> {
  return (await new StreamCommands('', '').state(client, stream)).lastAdded
}
