import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { createEventStore, createOutbox, sqlOutbox } from '../../src/index.ts'
import { eventually } from '../support/daemon.ts'
import { all, event } from '../support/event-store/contract.ts'
import { startDatabase, type DatabaseServer } from '../support/events/database-server.ts'
import { entry } from '../support/outbox-contract.ts'
import { PolledProcessor } from '../support/polled-processor.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

const OWNERS = ['a', 'b', 'c']
const KEYS = 7
const ROWS = 140
const WRITERS = 32

/** Several processors, rows that come meanwhile: each row by one of them, and in no other order than that of its key. */
async function checkSharing(url: string, schema: string, insert: (first: number, count: number) => Promise<unknown>) {
  const order: string[] = []
  const processors = await Promise.all(
    OWNERS.map((owner) => PolledProcessor.start(url, { schema, owner, batch: 5, everyMs: 10 })),
  )
  try {
    for (let first = 1; first <= ROWS; first += 20) await insert(first, 20)
    const seen = () => processors.flatMap((processor) => processor.ids())
    await eventually('all rows are taken', () => seen().length >= ROWS)
    order.push(...(seen() as string[]))
  } finally {
    for (const processor of processors) await processor[Symbol.asyncDispose]()
  }
  expect(order).toHaveLength(ROWS)
  expect(new Set(order).size).toBe(ROWS)
  for (const processor of processors) {
    for (let key = 0; key < KEYS; key++) {
      const ofKey = processor.seen.filter((change) => change.new!['aggregate_id'] === `k${key}`)
      const places = ofKey.map((change) => Number(change.new!['position']))
      expect(places).toEqual(places.toSorted((a, b) => a - b))
    }
  }
}

const rows = (first: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `('e${first + i}', 'k${(first + i) % KEYS}', 'orders')`).join(', ')

async function checkStreams(url: string): Promise<void> {
  const stores = OWNERS.map(() => createEventStore(url, { connections: 4 }))
  const appends = Array.from({ length: WRITERS }, (_, i) =>
    stores[i % stores.length]!.appendToStream('a', [event(i), event(i)]),
  )
  const next = (await Promise.all(appends)).map(({ nextExpectedVersion }) => nextExpectedVersion)
  expect(next.toSorted((a, b) => a - b)).toEqual(Array.from({ length: WRITERS }, (_, i) => 2 * (i + 1)))
  const large = Array.from({ length: 120 }, (_, i) => event(i))
  await stores[0]!.appendToStream('b', large, { expectedVersion: 'no-stream' })
  await Promise.all(stores.map((store) => store.close()))
  // What was answered is there for others, too.
  await using other = createEventStore(url)
  expect(await all(other.readStream('a'))).toHaveLength(2 * WRITERS)
  expect(await all(other.readAll())).toHaveLength(2 * WRITERS + large.length)
}

describe('a database of PostgreSQL whose transactions are serializable by default', () => {
  let server: DatabaseServer
  let url: string
  beforeAll(async () => {
    server = await startDatabase('PostgreSQL')
    url = await server.create()
    const name = new URL(url).pathname.slice(1)
    await server.run(url, `ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('is polled by several processors', async () => {
    await server.run(
      url,
      `CREATE TABLE outbox (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT, aggregate_id TEXT, topic TEXT,
        payload JSON, processed_at TIMESTAMPTZ)`,
    )
    const insert = (first: number, count: number) =>
      server.run(url, `INSERT INTO outbox (id, aggregate_id, topic) VALUES ${rows(first, count)}`)
    await checkSharing(url, 'public', insert)
  })

  test('keeps streams that many append to', async () => {
    await checkStreams(url)
  })

  test('has an outbox of the library that one processor after the other claims from, as it is when they have their turn', async () => {
    const pool = new pg.Pool({ connectionString: url })
    const storage = sqlOutbox(pool, { table: 'library' })
    await createOutbox(storage).setup()
    await storage.saveBatch([entry(1), entry(2)])
    const holder = await pool.connect()
    const claim = { limit: 1, leaseMs: 60_000 }
    await holder.query('BEGIN')
    await holder.query("SELECT pg_advisory_xact_lock(hashtext('bingo outbox'), hashtext('library'))")
    const waiting = storage.fetchUnprocessed({ ...claim, owner: 'waits' })
    const waits = async () =>
      (await pool.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'advisory'")).rows
    await eventually('it waits for its turn', async () => (await waits()).length === 1)
    await holder.query("UPDATE library SET processed_at = now() WHERE id = 'e-1'")
    await holder.query('COMMIT')
    holder.release()
    expect(await waiting).toMatchObject([{ id: 'e-2' }])
    await pool.end()
  })
})

describe.each([
  ['MySQL', (args: readonly string[]) => startMysql({ args })],
  ['MariaDB', (args: readonly string[]) => startMariadb({ args: [...args, '--innodb-snapshot-isolation=ON'] })],
] as const)('a server of %s that neither commits by itself nor is strict', (_name, start) => {
  let server: SqlServer
  let url: string
  beforeAll(async () => {
    server = await start(['--autocommit=0', '--sql-mode='])
    await server.query('CREATE DATABASE app')
    url = `${server.url.replace(/\/$/, '')}/app`
  })
  afterAll(() => server?.stop())

  test('is polled by several processors', async () => {
    await server.query(`CREATE TABLE app.outbox (position BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(64),
      aggregate_id VARCHAR(64), topic VARCHAR(64), payload JSON, processed_at DATETIME(3))`)
    const insert = (first: number, count: number) =>
      server.query(`INSERT INTO app.outbox (id, aggregate_id, topic) VALUES ${rows(first, count)}; COMMIT`)
    await checkSharing(url, 'app', insert)
  })

  test('keeps streams that many append to', async () => {
    await checkStreams(url)
  })
})
