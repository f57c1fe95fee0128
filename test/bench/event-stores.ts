import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
// oxlint-disable-next-line no-restricted-imports -- the client alone is what we compare with
import { Redis } from 'ioredis'
import { openAdmin } from '../../src/clients/kafka/kafka.ts'
import { dialNats, jetstreamOf, newHeaders } from '../../src/clients/nats/nats.ts'
import { openPool } from '../../src/clients/mysql.ts'
import { openPostgresPool } from '../../src/clients/postgres.ts'
import { parseKafkaAddress } from '../../src/log/kafka/address.ts'
import { parseNatsAddress } from '../../src/log/nats/address.ts'
import { encodeEnvelope } from '../../src/model/event/forms/event-codec.ts'
import type { NewEvent } from '../../src/model/state/event-provider.ts'
import { startDatabase } from '../support/events/database-server.ts'
import type { ServerKind } from '../support/events/database-server.ts'
import { startKafkaEngine } from '../support/events/kafka-engine.ts'
import { openProducer } from '../support/kafka-producer.ts'
import { startNatsEngine } from '../support/events/nats-engine.ts'
import { newEvent } from '../support/events/new-event.ts'
import { EventRedisServer } from '../support/events/redis-server.ts'
import { openStore } from '../support/events/store-url.ts'
import type { Row } from './report.ts'

/** Events per transaction. */
const GROUPS = [1, 10, 100, 1_000]
const PAYLOAD = { text: 'x'.repeat(200) }
/** Transactions are synced to disk: single ones take longer than there is patience for as many. */
const MOST_TRANSACTIONS = 1_000

/** One transaction with these events, written as a program would that needs nothing else. */
export interface BareStore {
  readonly name: string
  write(events: readonly NewEvent[]): void | Promise<void>
  close(): void | Promise<void>
}

/** Posts per second, with as many posts of one event at a time as a group has, beside the bare client with such groups. */
export async function eventStores(events: number, repeats: number, wanted: RegExp): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-bench-events-'))
  try {
    let files = 0
    const newFile = async (): Promise<string> => `file:${folder}/${++files}`
    const stores = {
      SQLite: () => compare('SQLite', newFile, [bareSqlite], events, repeats),
      MySQL: () => onServer('MySQL', bareMysql, events, repeats),
      PostgreSQL: () => onServer('PostgreSQL', barePostgres, events, repeats),
      Redis: () => onRedis(events, repeats),
      NATS: () => onNats(newFile, events, repeats),
      Kafka: () => onKafka(newFile, events, repeats),
    }
    const rows: Row[] = []
    for (const [name, measure] of Object.entries(stores)) if (wanted.test(name)) rows.push(...(await measure()))
    return rows
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function onServer(kind: ServerKind, bare: OpenBare, events: number, repeats: number): Promise<Row[]> {
  await using server = await startDatabase(kind)
  return await compare(kind, () => server.create(), [bare], events, repeats)
}

async function onRedis(events: number, repeats: number): Promise<Row[]> {
  await using server = await EventRedisServer.start()
  return await compare('Redis', async () => server.create(), [bareRedis], events, repeats)
}

/** Synced to disk as the index is: the bare client, too, is answered when its messages are. */
async function onNats(newFile: () => Promise<string>, events: number, repeats: number): Promise<Row[]> {
  await using server = await startNatsEngine('jetstream { sync_interval: always }')
  const newUrl = async (): Promise<string> => `${server.newUrl()}?sync=always ${await newFile()}`
  return await compare(server.column, newUrl, [bareNats, withIndex(bareNats)], events, repeats)
}

/** Synced to disk with each record, as the index is. */
async function onKafka(newFile: () => Promise<string>, events: number, repeats: number): Promise<Row[]> {
  await using server = await startKafkaEngine()
  const newUrl = async (): Promise<string> => `${server.newUrl()}&sync=always ${await newFile()}`
  return await compare(server.column, newUrl, [bareKafka, withIndex(bareKafka)], events, repeats)
}

type OpenBare = (url: string) => BareStore | Promise<BareStore>

async function compare(
  title: string,
  newUrl: () => Promise<string>,
  bares: readonly OpenBare[],
  events: number,
  repeats: number,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const group of GROUPS) {
    const count = Math.min(events, group * MOST_TRANSACTIONS)
    const ours: number[] = []
    const theirs = bares.map((open) => ({ open, name: '', rates: [] as number[] }))
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const each of theirs) {
        const bare = await each.open(await newUrl())
        each.name = bare.name
        // Connects, and whatever else is done once.
        await bare.write([eventOf(-1)])
        each.rates.push(await eventsPerSecond(count, group, (batch) => bare.write(batch)))
        await bare.close()
      }
      ours.push(await posts(await newUrl(), count, group))
    }
    const name = `events on ${title}, ${group} posts at a time`
    for (const { name: bare, rates } of theirs) {
      rows.push({
        section: 'h',
        name,
        value: median(ours),
        unit: 'events/s',
        baseline: { name: bare, value: median(rates) },
      })
    }
  }
  return rows
}

/**
 * What a program does that knows ids again and can look events up, as BinGo does beside an engine: rows that are on disk, and
 * then the engine, so that nothing is told there that could be forgotten here.
 */
function withIndex(openEngine: OpenBare): OpenBare {
  return async (url) => {
    const [, file] = url.split(' ')
    const [engine, index] = [await openEngine(url), bareSqlite(file!)]
    return {
      name: `bare node:sqlite, then ${engine.name}`,
      async write(events) {
        await index.write(events)
        await engine.write(events)
      },
      async close() {
        await index.close()
        await engine.close()
      },
    }
  }
}

async function posts(url: string, count: number, group: number): Promise<number> {
  const provider = await openStore(url, { name: 'bench' })
  const options = { now: Date.now(), onConflict: 'keep' } as const
  // Makes the tables, the stream or the topic.
  await provider.post([eventOf(-1)], options)
  const rate = await eventsPerSecond(count, group, async (batch) => {
    await Promise.all(batch.map((event) => provider.post([event], options)))
  })
  await provider.close()
  return rate
}

export async function eventsPerSecond(
  count: number,
  group: number,
  write: (events: readonly NewEvent[]) => void | Promise<void>,
  prefix?: string,
): Promise<number> {
  const startedAt = performance.now()
  for (let done = 0; done < count; done += group) {
    await write(Array.from({ length: group }, (_, i) => eventOf(done + i, prefix)))
  }
  return count / ((performance.now() - startedAt) / 1_000)
}

export function eventOf(number: number, prefix = 'event'): NewEvent {
  return newEvent(`${prefix}-${number}`, { key: `key-${number % 100}`, payload: PAYLOAD, timestamp: number })
}

const COLUMNS = 'id, type, event_key, source, happened_at, envelope'

function rowOf({ event }: NewEvent): [string, string, string | null, string, number, string] {
  const { id, type, key, source, timestamp } = event
  return [id, type, key, source, timestamp, Buffer.from(encodeEnvelope(event)).toString()]
}

/** The rows that BinGo keeps of an event: itself, its entry in the log, and, `withStatus`, what became of it. */
export function bareSqlite(url: string, withStatus = false): BareStore {
  const database = new DatabaseSync(url.slice('file:'.length))
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE events (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT, event_key TEXT, source TEXT,
      happened_at INTEGER, envelope BLOB) STRICT;
    CREATE TABLE log (place INTEGER PRIMARY KEY, event INTEGER NOT NULL, appended_at INTEGER NOT NULL) STRICT;
    CREATE TABLE status (event INTEGER PRIMARY KEY, status TEXT NOT NULL, data TEXT NOT NULL) STRICT`)
  const insert = database.prepare(`INSERT INTO events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`)
  const append = database.prepare('INSERT INTO log SELECT place, place, happened_at FROM events WHERE place >= ?')
  const end = database.prepare('INSERT INTO status VALUES (?, ?, ?)')
  return {
    name: `bare node:sqlite, the same rows${withStatus ? ' and statuses' : ''}`,
    write(events) {
      const places: (number | bigint)[] = []
      database.exec('BEGIN IMMEDIATE')
      for (const { event } of events) {
        const { id, type, key, source, timestamp } = event
        places.push(insert.run(id, type, key, source, timestamp, encodeEnvelope(event)).lastInsertRowid)
      }
      append.run(places[0]!)
      database.exec('COMMIT')
      if (!withStatus) return
      database.exec('BEGIN IMMEDIATE')
      for (const place of places) end.run(place, 'completed', STATUS)
      database.exec('COMMIT')
    },
    close: () => database.close(),
  }
}

/** As long as that of an event that one handler has handled. */
const STATUS = JSON.stringify({ status: 'x'.repeat(330) })

/** As `bareSqlite`, in one round trip. */
async function bareMysql(url: string): Promise<BareStore> {
  const pool = openPool({ uri: url, connectionLimit: 1, multipleStatements: true })
  await pool.query('CREATE TABLE log (place BIGINT PRIMARY KEY, event BIGINT NOT NULL, appended_at BIGINT NOT NULL)')
  await pool.query(`CREATE TABLE events (place BIGINT AUTO_INCREMENT PRIMARY KEY, id VARBINARY(255) NOT NULL UNIQUE,
    type VARBINARY(255), event_key VARBINARY(255), source VARBINARY(255), happened_at BIGINT, envelope LONGBLOB)`)
  return {
    name: 'bare mysql2, the same rows',
    async write(events) {
      await pool.query(
        `START TRANSACTION; INSERT INTO events (${COLUMNS}) VALUES ?;
          INSERT INTO log SELECT place, place, happened_at FROM events WHERE place >= LAST_INSERT_ID(); COMMIT`,
        [events.map(rowOf)],
      )
    },
    close: () => pool.end(),
  }
}

/** As `bareSqlite`, in one statement. */
async function barePostgres(url: string): Promise<BareStore> {
  const pool = openPostgresPool({ connectionString: url, max: 1 })
  await pool.query('CREATE TABLE log (place BIGINT PRIMARY KEY, event BIGINT NOT NULL, appended_at BIGINT NOT NULL)')
  await pool.query(`CREATE TABLE events (place BIGSERIAL PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT, event_key TEXT,
    source TEXT, happened_at BIGINT, envelope TEXT)`)
  const lists = '$1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[]'
  return {
    name: 'bare pg, the same rows',
    async write(events) {
      const rows = events.map(rowOf)
      const columns = Array.from({ length: 6 }, (_, i) => rows.map((row) => row[i]))
      await pool.query(
        `WITH stored AS (INSERT INTO events (${COLUMNS}) SELECT * FROM unnest(${lists}) RETURNING place, happened_at)
          INSERT INTO log SELECT place, place, happened_at FROM stored`,
        columns,
      )
    },
    close: () => pool.end(),
  }
}

/** One pipeline of entries, without anything that knows an id again. */
function bareRedis(url: string): BareStore {
  const redis = new Redis(url)
  return {
    name: 'bare ioredis, XADD',
    async write(events) {
      const pipeline = redis.pipeline()
      for (const each of events) {
        const [id, type, key, source, at, envelope] = rowOf(each)
        const fields = ['id', id, 'type', type, 'key', key ?? '', 'source', source, 'at', at, 'envelope', envelope]
        pipeline.xadd('events', '*', ...fields)
      }
      await pipeline.exec()
    },
    close: () => redis.disconnect(),
  }
}

async function bareNats(url: string): Promise<BareStore> {
  const { servers, stream } = parseNatsAddress(url.split(' ')[0]!)
  const client = await dialNats({ servers: [...servers] })
  const jetstream = jetstreamOf(client)
  const manager = await jetstream.jetstreamManager()
  await manager.streams.add({ name: stream, subjects: [`${stream}.*`], storage: 'file' })
  return {
    name: 'bare @nats-io/jetstream',
    async write(events) {
      await Promise.all(
        events.map(({ event }) =>
          jetstream.publish(`${stream}.0`, encodeEnvelope(event), { headers: headersOf(event.id), msgID: event.id }),
        ),
      )
    },
    close: () => client.close(),
  }
}

async function bareKafka(url: string): Promise<BareStore> {
  const { brokers, topic, partitions } = parseKafkaAddress(url.split(' ')[0]!)
  const connection = { clientId: 'bench', bootstrapBrokers: [...brokers] }
  const admin = openAdmin(connection)
  const configs = [{ name: 'flush.messages', value: '1' }]
  await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs })
  await admin.close()
  const producer = openProducer({ ...connection, acks: -1, idempotent: true })
  return {
    name: 'bare @platformatic/kafka',
    async write(events) {
      const messages = events.map(({ event }) => {
        const value = Buffer.from(encodeEnvelope(event)).toString()
        return { topic, key: event.key ?? event.id, value, headers: { id: event.id } }
      })
      await producer.send({ messages })
    },
    close: () => producer.close(),
  }
}

function headersOf(id: string) {
  const headers = newHeaders()
  headers.set('id', id)
  return headers
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
