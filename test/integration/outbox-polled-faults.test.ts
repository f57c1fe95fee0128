import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseSqlAddress } from '../../src/clients/sql/address.ts'
import { postgresPoolAt } from '../../src/clients/sql/postgres-pool.ts'
import { systemClock } from '../../src/model/clock.ts'
import { PostgresNotices } from '../../src/sources/polled/postgres-notices.ts'
import { eventually } from '../support/daemon.ts'
import { startDatabase, type DatabaseServer } from '../support/events/database-server.ts'
import { PolledProcessor } from '../support/polled-processor.ts'

/** Longer than any test: nothing is found by polling again. */
const NEVER_MS = 3_600_000
/** How long a connection that says nothing lives. */
const SILENT_MS = 30_000

describe('notices of PostgreSQL', () => {
  let server: DatabaseServer
  beforeAll(async () => {
    server = await startDatabase('PostgreSQL')
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const listening = async (url: string): Promise<{ pid: number; query: string }[]> =>
    (await server.run(
      url,
      "SELECT pid, query FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^(LISTEN|SELECT 1$)'",
    )) as { pid: number; query: string }[]

  test('are heard again on another connection when the one that listened has broken, and what was committed meanwhile is found', async () => {
    const url = await server.create()
    const run = (sql: string) => server.run(url, sql)
    await run(`CREATE TABLE outbox (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT, aggregate_id TEXT,
      topic TEXT, payload JSON, processed_at TIMESTAMPTZ)`)
    await run(`CREATE FUNCTION notice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY bingo_outbox; RETURN NULL; END $$;
      CREATE TRIGGER notice AFTER INSERT ON outbox EXECUTE FUNCTION notice()`)
    const insert = (id: string) => run(`INSERT INTO outbox (id, aggregate_id, topic) VALUES ('${id}', 'a', 'orders')`)
    await using processor = await PolledProcessor.start(url, { everyMs: NEVER_MS })
    await insert('e1')
    await eventually('the first is taken', () => processor.seen.length === 1)
    for (const id of ['e2', 'e3']) {
      await eventually('it listens', async () => (await listening(url)).length === 1)
      const [listener] = await listening(url)
      // In one transaction: nobody listens when it commits.
      await run(`DO $$ BEGIN PERFORM pg_terminate_backend(${listener!.pid}, 60000);
        INSERT INTO outbox (id, aggregate_id, topic) VALUES ('${id}', 'a', 'orders'); END $$`)
      await eventually('the next is taken', () => processor.ids().includes(id))
    }
    await insert('e4')
    await eventually('notices are heard again', () => processor.seen.length === 4)
    expect(processor.ids()).toEqual(['e1', 'e2', 'e3', 'e4'])
  })

  test('come over a connection that says something before it would be taken for dead', async () => {
    const url = await server.create()
    const pool = postgresPoolAt(parseSqlAddress(url), { connections: 2 })
    const pings: { everyMs: number; ping: () => void }[] = []
    const every = (everyMs: number, ping: () => void) => {
      pings.push({ everyMs, ping })
      return { cancel: () => undefined }
    }
    const notices = new PostgresNotices(pool, { ...systemClock, every })
    let rung = 0
    await notices.listen(() => (rung += 1))
    await notices.listen(() => (rung += 1))
    expect(pings).toHaveLength(1)
    expect(pings[0]!.everyMs).toBeLessThan(SILENT_MS)
    pings[0]!.ping()
    await eventually('it has asked', async () => (await listening(url))[0]?.query === 'SELECT 1')
    expect(rung).toBe(0)
    await notices.close()
    await pool.end()
  })
})

describe.each(['MySQL', 'MariaDB'] as const)('an outbox that is polled in %s', (kind) => {
  let server: DatabaseServer
  beforeAll(async () => {
    server = await startDatabase(kind)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('loses no entry that commits late, whatever was taken in the meantime', async () => {
    const url = await server.create()
    await server.run(
      url,
      `CREATE TABLE outbox (position BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(64) UNIQUE, aggregate_id VARCHAR(64),
        topic VARCHAR(64), payload JSON, processed_at DATETIME(3))`,
    )
    const schema = new URL(url).pathname.slice(1)
    const insert = (id: string) => `INSERT INTO outbox (id, aggregate_id, topic) VALUES ('${id}', 'a', 'orders')`
    const [late, rolledBack] = await Promise.all(
      [1, 2].map(() => createConnection({ uri: url.replace('mariadb:', 'mysql:') })),
    )
    try {
      await using processor = await PolledProcessor.start(url, { schema })
      await late!.query('BEGIN')
      await late!.query(insert('e1'))
      await rolledBack!.query('BEGIN')
      await rolledBack!.query(insert('e2'))
      await server.run(url, insert('e3'))
      await eventually('the later one is taken, and marked', async () => {
        const marked = await server.run(url, 'SELECT 1 FROM outbox WHERE processed_at IS NOT NULL')
        return processor.seen.length === 1 && marked.length === 1
      })
      await late!.query(insert('e4'))
      await rolledBack!.query('ROLLBACK')
      await late!.query('COMMIT')
      await eventually('those that commit late are', () => processor.seen.length === 3)
      expect(processor.ids()).toEqual(['e3', 'e1', 'e4'])
    } finally {
      await Promise.all([late!.end(), rolledBack!.end()])
    }
  })
})

test('an outbox in a file of SQLite that somebody else is writing for long is polled when that has ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bingo-outbox-'))
  const path = join(folder, 'app.db')
  const writer = new DatabaseSync(path)
  try {
    writer.exec(`PRAGMA journal_mode = WAL;
      CREATE TABLE outbox (position INTEGER PRIMARY KEY, id TEXT UNIQUE, aggregate_id TEXT, topic TEXT, payload TEXT, processed_at TEXT)`)
    const insert = (id: string) =>
      writer.exec(`INSERT INTO outbox (id, aggregate_id, topic) VALUES ('${id}', 'a', 'orders')`)
    insert('e1')
    await using processor = await PolledProcessor.start(`file:${path}`, { schema: 'main' })
    await eventually('the first is taken', () => processor.seen.length === 1)
    // It waits beside the event loop, which ends this transaction.
    writer.exec('BEGIN IMMEDIATE')
    await delay(200)
    writer.exec('COMMIT')
    expect(processor.said).toEqual([])
    writer.exec('BEGIN IMMEDIATE')
    insert('e2')
    await eventually('it says that it cannot', () => processor.said.length > 0)
    insert('e3')
    writer.exec('COMMIT')
    await eventually('all are taken', () => processor.seen.length === 3)
    expect(processor.ids()).toEqual(['e1', 'e2', 'e3'])
  } finally {
    writer.close()
    await rm(folder, { recursive: true, force: true })
  }
})
