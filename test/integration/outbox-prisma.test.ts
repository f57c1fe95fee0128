import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { barrier, createInbox, createOutbox, sqlBarrier, sqlInbox, sqlOutbox } from '../../src/index.ts'
import { checkBarrier, checkInbox, checkTransactions } from '../support/application-transactions.ts'
import { commandHeaders, describeBarrier } from '../support/barrier-contract.ts'
import { describeInbox } from '../support/inbox-contract.ts'
import type { Transact } from '../support/inbox-contract.ts'
import { entry } from '../support/outbox-contract.ts'
import { generatePrisma } from '../support/prisma-client.ts'
import type { GeneratedPrisma } from '../support/prisma-client.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'

/** What these tests use of the client that Prisma generates. */
interface Client {
  readonly orders: { create(args: { data: { id: number } }): Promise<unknown>; count(): Promise<number> }
  $transaction<T>(work: (transaction: Client) => Promise<T>, options: object): Promise<T>
  $disconnect(): Promise<void>
}

interface Server {
  /** For the library: of mysql2 or pg. */
  readonly pool: unknown
  readonly adapter: object
  stop(): Promise<void>
}

async function onMysql(start: typeof startMysql | typeof startMariadb): Promise<Server> {
  const server = await start()
  await server.query('CREATE DATABASE app; CREATE TABLE app.orders (id INT PRIMARY KEY)')
  const url = new URL('/app', server.url.replace('mariadb:', 'mysql:'))
  const pool = createPool({ uri: url.href, connectionLimit: 4 })
  const { hostname: host, port, username: user, password } = url
  const adapter = new PrismaMariaDb({
    host,
    port: Number(port),
    user,
    password,
    database: 'app',
    connectionLimit: 12,
    allowPublicKeyRetrieval: true,
  })
  return {
    pool,
    adapter,
    stop: async () => {
      await pool.end()
      await server.stop()
    },
  }
}

async function onPostgres(): Promise<Server> {
  const server = await startPostgres()
  const pool = new pg.Pool({ connectionString: server.url, max: 4 })
  await pool.query('CREATE TABLE orders (id INT PRIMARY KEY)')
  const adapter = new PrismaPg({ connectionString: server.url, max: 12 })
  return {
    pool,
    adapter,
    stop: async () => {
      await pool.end()
      await server.stop()
    },
  }
}

let tables = 0

describe.each([
  ['MySQL', 'mysql', () => onMysql(startMysql)],
  ['MariaDB', 'mysql', () => onMysql(startMariadb)],
  ['PostgreSQL', 'postgresql', onPostgres],
] as const)('outbox, inbox and barrier in transactions of Prisma over %s', (_name, provider, start) => {
  let server: Server
  let generated: GeneratedPrisma<Client>
  let prisma: Client
  beforeAll(async () => {
    ;[server, generated] = await Promise.all([
      start(),
      generatePrisma<Client>(provider, 'model orders {\n  id Int @id\n}'),
    ])
    prisma = new generated.PrismaClient({ adapter: server.adapter })
  })
  afterAll(async () => {
    await prisma?.$disconnect()
    await server?.stop()
    await generated?.[Symbol.asyncDispose]()
  })

  // Prisma gives up transactions after five seconds by default; those that wait for others here wait for a busy machine.
  const transact: Transact = (work) => prisma.$transaction(work, { maxWait: 60_000, timeout: 60_000 })

  test('Entries are published when the transaction commits, and gone when it rolls back', async () => {
    const insert = ({ orders }: Client, id: number) => orders.create({ data: { id } })
    await checkTransactions(server.pool, transact, insert, () => prisma.orders.count())
  })

  test('More entries than one statement takes are saved together', async () => {
    const outbox = createOutbox(sqlOutbox(server.pool, { table: 'many' }))
    await outbox.setup()
    const entries = Array.from({ length: 120 }, (_, i) => entry(i, { headers: i % 2 === 0 ? null : { n: String(i) } }))
    await transact((tx) => outbox.saveWithTransaction(tx, entries))
    const published: unknown[] = []
    const publish = async ({ id, payload, headers }: { id: string; payload: unknown; headers: object }) =>
      void published.push({ id, payload, headers })
    expect(await outbox.processor({ publish, batch: 200 }).processOnce()).toBe(120)
    expect(published).toEqual(entries.map(({ id, payload, headers }) => ({ id, payload, headers: headers ?? {} })))
  })

  test('A message is handled once, and a command let through once, whichever library reads the notes', async () => {
    await checkInbox(server.pool, [transact])
    await checkBarrier(server.pool, [transact])
  })

  test('A client that is no transaction is refused', async () => {
    const outbox = createOutbox(sqlOutbox(server.pool))
    const inbox = createInbox(sqlInbox(server.pool))
    await expect(outbox.saveWithTransaction(prisma, entry(1))).rejects.toMatchObject({
      code: 'BINGO_OUTBOX_TRANSACTION',
    })
    await expect(inbox.once(prisma, { id: 'm', handler: 'h' }, () => 1)).rejects.toMatchObject({
      code: 'BINGO_INBOX_TRANSACTION',
    })
    await expect(barrier(prisma, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
  })

  describe('the inbox', () => {
    describeInbox(async () => sqlInbox(server.pool, { table: `inbox${++tables}` }), transact)
  })
  describe('the barrier', () => {
    describeBarrier(async () => sqlBarrier(server.pool, { table: `barrier${++tables}` }), transact)
  })
})
