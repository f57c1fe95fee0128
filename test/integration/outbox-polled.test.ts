import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test as whole } from 'vitest'
import type { PolledOptions } from '../../src/sources/polled/contract.ts'
import { createOutbox } from '../../src/outbox/outbox.ts'
import { sqlOutbox } from '../../src/outbox/sql.ts'
import { eventually } from '../support/daemon.ts'
import { startDatabase, type DatabaseServer, type ServerKind } from '../support/events/database-server.ts'
import { PolledProcessor } from '../support/polled-processor.ts'
import { inTurns } from '../support/forms.ts'

/** A stall of the machine must not end the lease of one that lives. */
const LEASE_MS = 8_000

const KINDS: readonly (ServerKind | 'SQLite')[] = ['PostgreSQL', 'MySQL', 'MariaDB', 'SQLite']

/** Of one dialect: in the short form they share the tests. */
const sharing = inTurns(['MySQL', 'MariaDB'])

describe.each(KINDS)('a polled outbox in %s', (kind) => {
  const isMysql = kind === 'MySQL' || kind === 'MariaDB'
  const test = isMysql ? sharing(kind) : whole
  let server: DatabaseServer | null = null
  const folders: string[] = []
  beforeAll(async () => {
    if (kind !== 'SQLite') server = await startDatabase(kind)
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
  })

  /** A database of its own, with its schema as the configuration names it. */
  async function fresh(): Promise<{ url: string; schema: string; run(sql: string): Promise<unknown[]> }> {
    if (server === null) {
      const folder = await mkdtemp(join(tmpdir(), 'bingo-outbox-'))
      folders.push(folder)
      const path = join(folder, 'app.db')
      const file = new DatabaseSync(path, { timeout: 5_000 })
      const run = async (sql: string) => file.prepare(sql).all()
      return { url: `file:${path}`, schema: 'main', run }
    }
    const url = await server.create()
    const schema = kind === 'PostgreSQL' ? 'public' : new URL(url).pathname.slice(1)
    return { url, schema, run: (sql) => server!.run(url, sql) }
  }

  const TABLE = `CREATE TABLE outbox (position ${kind === 'PostgreSQL' ? 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY' : kind === 'SQLite' ? 'INTEGER PRIMARY KEY' : 'BIGINT AUTO_INCREMENT PRIMARY KEY'},
    id VARCHAR(100) NOT NULL UNIQUE, aggregate_id VARCHAR(100), topic VARCHAR(100), payload ${kind === 'SQLite' ? 'TEXT' : 'JSON'},
    processed_at ${kind === 'PostgreSQL' ? 'TIMESTAMPTZ' : kind === 'SQLite' ? 'TEXT' : 'DATETIME(3)'} NULL, last_error TEXT)`
  const insert = (ids: readonly number[], key: (id: number) => string = (id) => `k${id % 3}`) =>
    `INSERT INTO outbox (id, aggregate_id, topic, payload) VALUES ${ids.map((id) => `('e${id}', '${key(id)}', 'orders', '{"n": ${id}}')`).join(', ')}`
  const numbers = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i)

  test('hands out rows in their order, once, and marks them', async () => {
    const { url, schema, run } = await fresh()
    await run(TABLE)
    await run(insert(numbers(1, 50)))
    await using processor = await PolledProcessor.start(url, { schema })
    await eventually('all rows come', () => processor.seen.length === 50)
    await run(insert(numbers(51, 5)))
    await eventually('and those that follow', () => processor.seen.length === 55)
    await eventually(
      'all are marked',
      async () => (await run('SELECT 1 FROM outbox WHERE processed_at IS NULL')).length === 0,
    )
    expect(processor.ids()).toEqual(numbers(1, 55).map((n) => `e${n}`))
    const [first] = processor.seen
    expect(first!.table).toMatchObject({ schema: `polled ${schema}`, name: 'outbox' })
    expect(first!.new).toMatchObject({ position: 1, aggregate_id: 'k1', topic: 'orders', processed_at: null })
    // A column of JSON is read as what it says; SQLite and MariaDB have none.
    expect(first!.new!['payload']).toEqual(kind === 'PostgreSQL' || kind === 'MySQL' ? { n: 1 } : '{"n": 1}')
    await eventually('no claim is left', async () => (await run('SELECT 1 FROM bingo_outbox_claims')).length === 0)
  })

  test('deletes them instead, by uuids in bytes and times in order, where the table has nothing else', async () => {
    const { url, schema, run } = await fresh()
    const bytes = kind === 'PostgreSQL' ? 'UUID' : kind === 'SQLite' ? 'TEXT' : 'BINARY(16)'
    const time = kind === 'PostgreSQL' ? 'TIMESTAMPTZ' : kind === 'SQLite' ? 'TEXT' : 'DATETIME(6)'
    await run(`CREATE TABLE outbox (id ${bytes} PRIMARY KEY, aggregateid VARCHAR(50), created_at ${time} NOT NULL)`)
    const uuid = (n: number) => `${String(9 - n).repeat(8)}-0000-4000-8000-000000000000`
    const id = (n: number) => (bytes === 'BINARY(16)' ? `UNHEX('${uuid(n).replaceAll('-', '')}')` : `'${uuid(n)}'`)
    for (const n of numbers(1, 5)) await run(`INSERT INTO outbox VALUES (${id(n)}, 'a', '2026-11-28 10:00:0${n}')`)
    await using processor = await PolledProcessor.start(url, { schema, keyColumn: 'aggregateid', after: 'delete' })
    await eventually('all rows are gone', async () => (await run('SELECT 1 FROM outbox')).length === 0)
    expect(processor.ids('created_at').map((at) => String(at).slice(17, 19))).toEqual(['01', '02', '03', '04', '05'])
    const first = String(processor.ids()[0])
    expect(processor.seen.map(({ at }) => new Date(at).toISOString().slice(17, 19))).toEqual([
      '01',
      '02',
      '03',
      '04',
      '05',
    ])
    const hex = bytes === 'BINARY(16)' ? Buffer.from(first, 'base64').toString('hex') : first.replaceAll('-', '')
    expect(hex).toBe(uuid(1).replaceAll('-', ''))
  })

  test('is shared by several processors, each row by one of them and each key in its order', async () => {
    const { url, schema, run } = await fresh()
    await run(TABLE)
    const owners = ['a', 'b', 'c']
    const order: string[] = []
    const processors = await Promise.all(owners.map((owner) => PolledProcessor.start(url, { schema, owner, batch: 5 })))
    try {
      for (let n = 0; n < 10; n++) await run(insert(numbers(n * 20, 20), (id) => `k${id % 7}`))
      const seen = () => processors.flatMap((processor) => processor.ids())
      await eventually('all rows are taken', () => seen().length >= 200)
      order.push(...(seen() as string[]))
    } finally {
      for (const processor of processors) await processor[Symbol.asyncDispose]()
    }
    expect(new Set(order).size).toBe(200)
    expect(order).toHaveLength(200)
    for (const processor of processors) {
      for (const key of numbers(0, 7)) {
        const ofKey = processor.seen.filter((change) => change.new!['aggregate_id'] === `k${key}`)
        const places = ofKey.map((change) => Number(change.new!['position']))
        expect(places).toEqual(places.toSorted((a, b) => a - b))
      }
    }
  })

  test('gives what a dead processor had to another, and leaves its keys alone until then', async () => {
    const { url, schema, run } = await fresh()
    await run(TABLE)
    const same = numbers(1, 8)
    await run(insert(same, () => 'same'))
    // It has as many as it may have, and asks for no more.
    const dead = await PolledProcessor.start(url, { schema, owner: 'dead', batch: 1, leaseMs: LEASE_MS }, () => false)
    await eventually('it has all rows', () => dead.seen.length === 8)
    await using other = await PolledProcessor.start(url, { schema, owner: 'other', leaseMs: LEASE_MS })
    await run(insert([9], () => 'free'))
    await run(insert([10], () => 'same'))
    await eventually('the other takes what is free', () => other.seen.length >= 1)
    expect(other.ids()).toEqual(['e9'])
    // It stops without finishing, as after a kill: its claims end by themselves.
    await dead[Symbol.asyncDispose]()
    await eventually('the other takes over', () => other.seen.length === 10)
    expect(other.ids()).toEqual(['e9', ...same.map((n) => `e${n}`), 'e10'])
  })

  test('takes what it had again after a restart, at once', async () => {
    const { url, schema, run } = await fresh()
    await run(TABLE)
    await run(insert([1, 2, 3]))
    const killed = await PolledProcessor.start(url, { schema, leaseMs: 600_000 }, () => false)
    await eventually('it has rows', () => killed.seen.length === 3)
    await killed[Symbol.asyncDispose]()
    await using again = await PolledProcessor.start(url, { schema })
    await eventually('it has them again', () => again.seen.length === 3)
    expect(again.seen.map(({ id }) => id)).toEqual(killed.seen.map(({ id }) => id))
  })

  test('takes rows whose keys and ids are longer than an index takes, each key in its order', async () => {
    const { url, schema, run } = await fresh()
    const [number, time] = [
      kind === 'SQLite' ? 'INTEGER' : 'BIGINT',
      kind === 'PostgreSQL' ? 'TIMESTAMPTZ' : 'DATETIME',
    ]
    await run(`CREATE TABLE outbox (seq ${number}, id VARCHAR(700) ${isMysql ? 'CHARACTER SET utf8mb4' : ''} PRIMARY KEY,
      aggregate_id TEXT, processed_at ${time} NULL)`)
    const hex = (from: number) => Array.from({ length: 6_000 }, (_, i) => ((i * i + from) % 16).toString(16)).join('')
    for (const [seq, key] of [hex(1), hex(2), hex(1), null].entries()) {
      const id = `${'字'.repeat(600)}${9 - seq}`
      await run(
        `INSERT INTO outbox (seq, id, aggregate_id) VALUES (${seq}, '${id}', ${key === null ? 'NULL' : `'${key}'`})`,
      )
    }
    await using processor = await PolledProcessor.start(url, { schema, orderColumn: 'seq', batch: 2 })
    await eventually('all are marked', async () => {
      const open = await run('SELECT 1 FROM outbox WHERE processed_at IS NULL')
      return open.length === 0 && processor.seen.length === 4
    })
    expect(processor.ids('seq')).toEqual([0, 1, 2, 3])
    expect(new Set(processor.seen.map(({ transaction }) => transaction.id)).size).toBe(4)
  })

  test('says what a table lacks', async () => {
    const { url, schema, run } = await fresh()
    await run('CREATE TABLE outbox (id VARCHAR(50) PRIMARY KEY, payload TEXT)')
    const lacks = async (options: Partial<PolledOptions>): Promise<unknown> => {
      await using processor = await PolledProcessor.start(url, { schema, ...options })
      return await processor.ended.catch((error: Error) => error.message)
    }
    expect(await lacks({})).toContain('has no column "processed_at"')
    expect(await lacks({ after: 'delete' })).toContain('has no column that tells which of two rows is older')
    expect(await lacks({ table: 'outbux' })).toContain('there is no table')
    expect(await lacks({ after: 'delete', orderColumn: 'payloat' })).toContain('has no column "payloat"')
  })
})

describe('late commits in PostgreSQL', () => {
  let server: DatabaseServer
  let url: string
  const clients: pg.Client[] = []
  beforeAll(async () => {
    server = await startDatabase('PostgreSQL')
  })
  afterAll(() => server[Symbol.asyncDispose]())
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end()
  })

  async function client(): Promise<pg.Client> {
    const opened = new pg.Client(url)
    await opened.connect()
    clients.push(opened)
    return opened
  }

  whole('lose no entry, whatever was taken in the meantime, and notices are heard', async () => {
    url = await server.create()
    const pool = new pg.Pool({ connectionString: url })
    const outbox = createOutbox(sqlOutbox(pool))
    await outbox.setup()
    await pool.query(`CREATE FUNCTION notice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY bingo_outbox; RETURN NULL; END $$;
      CREATE TRIGGER notice AFTER INSERT ON outbox EXECUTE FUNCTION notice()`)
    const entry = (n: number) => ({ id: `e${n}`, topic: 'orders', aggregateId: `k${n}`, payload: { n } })
    // Longer than this test may take: without notices nothing would come.
    await using processor = await PolledProcessor.start(url, { everyMs: 3_600_000 })
    const [late, rolledBack] = [await client(), await client()]
    await late.query('BEGIN')
    await outbox.saveWithTransaction(late, entry(1))
    await rolledBack.query('BEGIN')
    await outbox.saveWithTransaction(rolledBack, entry(2))
    await outbox.saveForPublish(entry(3))
    await eventually('the later one is taken', () => processor.seen.length === 1)
    await outbox.saveWithTransaction(late, entry(4))
    await rolledBack.query('ROLLBACK')
    await late.query('COMMIT')
    await eventually('those that commit late are', () => processor.seen.length === 3)
    expect(processor.ids()).toEqual(['e3', 'e1', 'e4'])
    expect(processor.seen[0]!.new).toMatchObject({ payload: { n: 3 }, headers: null, failed: 0 })
    await pool.end()
  })
})
