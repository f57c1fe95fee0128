import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres'
import { sql } from 'drizzle-orm'
import { CamelCasePlugin, Kysely, MysqlDialect, PostgresDialect, sql as kyselySql } from 'kysely'
import { createPool as createCallbackPool } from 'mysql2'
import type { Pool as CallbackPool } from 'mysql2'
import { createPool } from 'mysql2/promise'
import type { Pool } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInbox } from '../../src/inbox/inbox.ts'
import { sqlInbox } from '../../src/inbox/sql.ts'
import { createOutbox } from '../../src/outbox/outbox.ts'
import { sqlOutbox } from '../../src/outbox/sql.ts'
import { describeInbox } from '../support/inbox-contract.ts'
import type { Transact } from '../support/inbox-contract.ts'
import { callbackTransact, checkInbox, checkTransactions } from '../support/application-transactions.ts'
import { describeOutbox, entry } from '../support/outbox-contract.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'

const PUBLISHER = fileURLToPath(new URL('../support/outbox-publisher.ts', import.meta.url))
let tables = 0

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
] as const)('outbox and inbox in %s', (_name, start) => {
  let server: Awaited<ReturnType<typeof start>>
  let pool: Pool
  let callbackPool: CallbackPool
  beforeAll(async () => {
    server = await start()
    await server.query('CREATE DATABASE app; CREATE TABLE app.orders (id INT PRIMARY KEY)')
    const uri = `${server.url.replace('mariadb:', 'mysql:').replace(/\/$/, '')}/app`
    pool = createPool({ uri, connectionLimit: 12 })
    callbackPool = createCallbackPool({ uri, connectionLimit: 4 })
  })
  afterAll(async () => {
    await pool.end()
    await callbackPool.promise().end()
    await server.stop()
  })

  const fresh = async () => {
    const table = `outbox${++tables}`
    return () => sqlOutbox(pool, { table })
  }
  const transact: Transact = async (work) => {
    const connection = await pool.getConnection()
    try {
      await connection.beginTransaction()
      const result = await work(connection)
      await connection.commit()
      return result
    } catch (error) {
      await connection.rollback()
      throw error
    } finally {
      connection.release()
    }
  }
  const orders = async (): Promise<number> => {
    const [rows] = await pool.query('SELECT count(*) AS n FROM orders')
    return (rows as { n: number }[])[0]!.n
  }
  const insertSql = (id: number) => `INSERT INTO orders VALUES (${id})`

  describe('the outbox', () => {
    describeOutbox(fresh)
  })
  describe('the inbox', () => {
    describeInbox(async () => sqlInbox(pool, { table: `inbox${++tables}` }), transact)
  })

  test('Entries share the transaction of a connection of mysql2', async () => {
    await checkTransactions(pool, transact, (connection: Pool, id) => connection.query(insertSql(id)), orders)
  })

  test('Entries share the transaction of a connection of mysql2 with callbacks', async () => {
    const insert = (connection: CallbackPool, id: number) => connection.promise().query(insertSql(id))
    await checkTransactions(callbackPool, callbackTransact(callbackPool), insert, orders)
  })

  test('Entries share the transaction of Kysely', async () => {
    const queries = new Kysely<{ orders: { id: number } }>({
      dialect: new MysqlDialect({ pool: callbackPool as never }),
      plugins: [new CamelCasePlugin()],
    })
    const insert = (trx: typeof queries, id: number) => trx.insertInto('orders').values({ id }).execute()
    await checkTransactions(pool, (work) => queries.transaction().execute(work), insert, orders)
    const outbox = createOutbox(sqlOutbox(pool))
    await expect(outbox.saveWithTransaction(queries, entry(1))).rejects.toMatchObject({
      code: 'BINGO_OUTBOX_TRANSACTION',
    })
  })

  test('Entries share the transaction of Drizzle', async () => {
    const queries = drizzleMysql({ client: callbackPool })
    const insert = (tx: typeof queries, id: number) => tx.execute(sql`INSERT INTO orders VALUES (${id})`)
    await checkTransactions(pool, (work) => queries.transaction(work), insert, orders)
    const outbox = createOutbox(sqlOutbox(pool))
    await expect(outbox.saveWithTransaction(queries, entry(1))).rejects.toMatchObject({
      code: 'BINGO_OUTBOX_TRANSACTION',
    })
  })

  test('Messages are handled once in transactions of Kysely and Drizzle', async () => {
    const kysely = new Kysely<unknown>({ dialect: new MysqlDialect({ pool: callbackPool as never }) })
    const drizzle = drizzleMysql({ client: callbackPool })
    await checkInbox(pool, [(work) => kysely.transaction().execute(work), (work) => drizzle.transaction(work)])
  })

  test('Messages are handled once in transactions of mysql2 with callbacks', async () => {
    await checkInbox(callbackPool, [callbackTransact(callbackPool)])
    const inbox = createInbox(sqlInbox(callbackPool))
    const refused = expect.objectContaining({ code: 'BINGO_INBOX_TRANSACTION' })
    for (const wrong of [pool, callbackPool]) {
      await expect(inbox.once(wrong, { id: 'm', handler: 'h' }, () => 1)).rejects.toEqual(refused)
    }
  })

  test('A pool is no transaction, and a transaction of another database is not this one', async () => {
    const outbox = createOutbox(sqlOutbox(pool))
    const refused = expect.objectContaining({ code: 'BINGO_OUTBOX_TRANSACTION' })
    for (const wrong of [pool, callbackPool, new pg.Client()]) {
      await expect(outbox.saveWithTransaction(wrong, entry(1))).rejects.toEqual(refused)
    }
  })
})

describe('outbox and inbox in PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let pool: pg.Pool
  beforeAll(async () => {
    server = await startPostgres()
    pool = new pg.Pool({ connectionString: server.url, max: 12 })
    await pool.query('CREATE TABLE orders (id INT PRIMARY KEY)')
  })
  afterAll(async () => {
    await pool.end()
    await server.stop()
  })

  const fresh = async () => {
    const table = `outbox${++tables}`
    return () => sqlOutbox(pool, { table })
  }
  const transact: Transact = async (work) => {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      const result = await work(client)
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }
  const orders = async (): Promise<number> => Number((await pool.query('SELECT count(*) AS n FROM orders')).rows[0].n)

  describe('the outbox', () => {
    describeOutbox(fresh)
  })
  describe('the inbox', () => {
    describeInbox(async () => sqlInbox(pool, { table: `inbox${++tables}` }), transact)
  })

  test('Entries share the transaction of a client of pg', async () => {
    const insert = (client: pg.Client, id: number) => client.query('INSERT INTO orders VALUES ($1)', [id])
    await checkTransactions(pool, transact, insert, orders)
  })

  test('Entries share the transaction of Kysely', async () => {
    const queries = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] })
    const insert = (trx: typeof queries, id: number) => kyselySql`INSERT INTO orders VALUES (${id})`.execute(trx)
    await checkTransactions(pool, (work) => queries.transaction().execute(work), insert, orders)
  })

  test('Entries share the transaction of Drizzle', async () => {
    const queries = drizzlePostgres({ client: pool })
    const insert = (tx: typeof queries, id: number) => tx.execute(sql`INSERT INTO orders VALUES (${id})`)
    await checkTransactions(pool, (work) => queries.transaction(work), insert, orders)
  })

  test('Messages are handled once in transactions of Kysely and Drizzle', async () => {
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
    const drizzle = drizzlePostgres({ client: pool })
    await checkInbox(pool, [(work) => kysely.transaction().execute(work), (work) => drizzle.transaction(work)])
  })

  test('Publishers that are killed lose nothing and break no order: others take over what they had claimed', async () => {
    const table = `outbox${++tables}`
    const storage = sqlOutbox(pool, { table })
    await storage.setup()
    const [aggregates, each] = [6, 60]
    const total = aggregates * each
    const all = Array.from({ length: total }, (_, i) => entry(i, { aggregateId: `a-${i % aggregates}` }))
    await storage.saveBatch(all)
    const folder = await mkdtemp(join(tmpdir(), 'bingo-outbox-'))
    const file = join(folder, 'published')
    await writeFile(file, '')
    const start = () => spawn(process.execPath, [PUBLISHER, server.url, table, file], { stdio: 'inherit' })
    const publishers = [start(), start()]
    let published: string[] = []
    for (let kills = 0; new Set(published).size < total;) {
      // Again and again, one of them in the middle of its work.
      if (published.length >= 50 * (kills + 1)) {
        publishers[kills % 2]!.kill('SIGKILL')
        publishers[kills % 2] = start()
        kills += 1
      }
      await delay(10)
      published = (await readFile(file, 'utf8')).split('\n').slice(0, -1)
    }
    for (const publisher of publishers) publisher.kill('SIGKILL')
    await rm(folder, { recursive: true })
    const next = new Map<string, number>()
    for (const line of published) {
      const [aggregate, number] = [line.split(' ')[0]!, Number(line.split(' ')[1])]
      const due = next.get(aggregate) ?? Number(aggregate.slice(2))
      // One may come again after a kill; none may be skipped.
      expect(number).toBeLessThanOrEqual(due)
      if (number === due) next.set(aggregate, due + aggregates)
    }
  })

  test('A pool is no transaction', async () => {
    const outbox = createOutbox(sqlOutbox(pool))
    const refused = expect.objectContaining({ code: 'BINGO_OUTBOX_TRANSACTION' })
    await expect(outbox.saveWithTransaction(pool, entry(1))).rejects.toEqual(refused)
  })
})
