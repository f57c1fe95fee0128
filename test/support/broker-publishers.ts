import { setTimeout as delay } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'
import { dialNats, jetstreamOf, newHeaders } from '../../src/clients/nats/nats.ts'
import { RedisConnection } from '../../src/clients/redis/redis.ts'
import { parseRedisUrl } from '../../src/clients/redis/redis-url.ts'
import { silentLog } from './jobs.ts'
import { KafkaPublisher } from './kafka-publisher.ts'
import { startKafka } from './servers/kafka.ts'
import { startNats } from './servers/nats.ts'
import { startRedis } from './servers/redis.ts'
import type { Engine } from './broker-house.ts'

/** A broker that others publish to, as durable as it can be, in several parts. */
export interface PublishedBroker {
  /** Of an entry of `sources:`, behind its name. */
  readonly reads: string
  readonly server: { kill(): Promise<void>; restart(): Promise<void>; stop(): Promise<void> }
  /** Resolves when the broker has it; rejects when that is not known. */
  publish(key: string, value: string): Promise<void>
  close(): Promise<void>
}

const PARTS = 6
const RETRY_MS = 100

export function startPublished(engine: Engine): Promise<PublishedBroker> {
  return { kafka: publishedKafka, nats: publishedNats, redis: publishedRedis }[engine]()
}

async function publishedKafka(): Promise<PublishedBroker> {
  const server = await startKafka()
  const publisher = new KafkaPublisher(server.port)
  await publisher.make('shop.orders', PARTS)
  return {
    reads: `type: kafka, url: "kafka://127.0.0.1:${server.port}", topics: ["shop.*"], group: bingo`,
    server,
    publish: (key, value) => publisher.publish({ topic: 'shop.orders', key, value }),
    close: () => publisher[Symbol.asyncDispose](),
  }
}

async function publishedNats(): Promise<PublishedBroker> {
  const server = await startNats({ config: 'jetstream: {sync_interval: always}' })
  let client: Promise<NatsConnection> | null = null
  const connected = async (): Promise<NatsConnection> => {
    client ??= dialNats({ servers: `127.0.0.1:${server.port}`, reconnect: false })
    const open = await client.catch((error: unknown) => {
      client = null
      throw error
    })
    if (!open.isClosed()) return open
    client = null
    return connected()
  }
  const manager = await jetstreamOf(await connected()).jetstreamManager()
  await manager.streams.add({ name: 'SHOP', subjects: ['shop.>'] })
  return {
    reads: `type: nats, url: "nats://127.0.0.1:${server.port}", stream: SHOP, durable: bingo`,
    server,
    publish: async (key, value) => {
      const headers = newHeaders()
      headers.set('key', key)
      await jetstreamOf(await connected()).publish(`shop.${key}`, value, { headers })
    },
    close: async () => (await client)?.close(),
  }
}

async function publishedRedis(): Promise<PublishedBroker> {
  const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  const connection = new RedisConnection(parseRedisUrl(server.url), { log: silentLog, name: 'publisher' })
  return {
    reads: `type: redis, url: "${server.url}", streams: ["shop:*"], group: bingo`,
    server,
    publish: async (key, value) => {
      await connection.whenReady(5_000)
      const part = Number(key.slice(1)) % PARTS
      await connection.client.call('XADD', `shop:${part}`, '*', 'key', key, 'value', value)
    },
    close: () => connection.close(),
  }
}

/** Publishes numbers that grow by key, each until the broker has it: what is not known to be there is published again. */
export class NumberedPublisher {
  /** By key: how many the broker has. */
  readonly numbers = new Map<string, number>()
  /** Records that cannot be read. */
  poison = 0
  private readonly broker: Pick<PublishedBroker, 'publish'>
  private readonly keys: number
  private readonly stopped = new AbortController()
  private work: Promise<unknown> = Promise.resolve()

  constructor(broker: Pick<PublishedBroker, 'publish'>, keys: number) {
    this.broker = broker
    this.keys = keys
  }

  get total(): number {
    return [...this.numbers.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Several at once, each with keys of its own. `poisonEvery`: one of so many records is half of one; Infinity: none. */
  start(publishers: number, poisonEvery: number, pauseMs: number): void {
    const each = async (publisher: number): Promise<void> => {
      for (let i = publisher; !this.stopped.signal.aborted; i += publishers) {
        const key = `k${i % this.keys}`
        const n = (this.numbers.get(key) ?? 0) + 1
        if (Number.isFinite(poisonEvery) && i % poisonEvery === 0) {
          await this.until(key, '{"n":')
          this.poison += 1
        }
        await this.until(key, JSON.stringify({ n }))
        this.numbers.set(key, n)
        await delay(pauseMs)
      }
    }
    this.work = Promise.all(Array.from({ length: publishers }, (_, i) => each(i)))
  }

  async stop(): Promise<void> {
    this.stopped.abort()
    await this.work
  }

  private async until(key: string, value: string): Promise<void> {
    for (;;) {
      try {
        return await this.broker.publish(key, value)
      } catch {
        await delay(RETRY_MS)
      }
    }
  }
}
