import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createClient } from '@libsql/client'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/libsql'
import { drizzle as drizzleSync } from 'drizzle-orm/sql-js'
import { CamelCasePlugin, Kysely, SqliteDialect } from 'kysely'
import type { SqliteDatabase } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { barrier, createInbox, createOutbox, sqlBarrier, sqlInbox, sqlOutbox } from '../../../src/index.ts'
import { checkBarrier, checkInbox, checkTransactions } from '../../support/application-transactions.ts'
import { commandHeaders, describeBarrier } from '../../support/barrier-contract.ts'
import { describeInbox } from '../../support/inbox-contract.ts'
import type { Transact } from '../../support/inbox-contract.ts'
import { entry } from '../../support/outbox-contract.ts'

interface Library {
  readonly transact: Transact
  insertOrder(transaction: never, id: number): Promise<unknown>
  /** The database itself, which is no transaction. */
  readonly database: unknown
  close(): Promise<void>
}

/** What Kysely's dialect asks of better-sqlite3, on node:sqlite. */
function forKysely(database: DatabaseSync): SqliteDatabase {
  return {
    prepare: (text) => {
      const statement = database.prepare(text)
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...(values as never[])),
        run: (values) => statement.run(...(values as never[])),
        iterate: (values) => statement.iterate(...(values as never[])),
      }
    },
    close: () => database.close(),
  }
}

function onKysely(path: string): Library {
  const dialect = new SqliteDialect({ database: forKysely(new DatabaseSync(path)) })
  const queries = new Kysely<{ orders: { id: number } }>({ dialect, plugins: [new CamelCasePlugin()] })
  return {
    transact: (work) => queries.transaction().execute(work),
    insertOrder: (trx: typeof queries, id) => trx.insertInto('orders').values({ id }).execute(),
    database: queries,
    close: () => queries.destroy(),
  }
}

function onDrizzle(path: string): Library {
  const client = createClient({ url: `file:${path}` })
  const queries = drizzle({ client })
  return {
    transact: (work) => queries.transaction(work),
    insertOrder: (tx: typeof queries, id) => tx.run(sql`INSERT INTO orders VALUES (${id})`),
    database: queries,
    close: async () => client.close(),
  }
}

const folder = mkdtempSync(join(tmpdir(), 'bingo-sqlite-libraries-'))
afterAll(() => rmSync(folder, { recursive: true }))

function openFile(name: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, name))
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY)')
  return database
}

let tables = 0

describe.each([
  ['Kysely', onKysely],
  ['Drizzle', onDrizzle],
] as const)('outbox, inbox and barrier in transactions of %s over SQLite', (name, open) => {
  let own: DatabaseSync
  let library: Library
  beforeAll(() => {
    own = openFile(`${name}.db`)
    library = open(join(folder, `${name}.db`))
  })
  afterAll(async () => {
    await library.close()
    own.close()
  })
  const transact: Transact = (work) => library.transact(work)

  test('Entries are published when the transaction commits, and gone when it rolls back', async () => {
    const orders = async () => Number(own.prepare('SELECT count(*) AS n FROM orders').get()!['n'])
    await checkTransactions(own, transact, library.insertOrder, orders)
  })

  test('A message is handled once, and a command let through once, whichever library reads the notes', async () => {
    await checkInbox(own, [transact])
    await checkBarrier(own, [transact])
  })

  test('A database that is no transaction is refused', async () => {
    const { database } = library
    const save = createOutbox(sqlOutbox(own)).saveWithTransaction(database, entry(1))
    await expect(save).rejects.toMatchObject({ code: 'BINGO_OUTBOX_TRANSACTION' })
    const handle = createInbox(sqlInbox(own)).once(database, { id: 'm', handler: 'h' }, () => 1)
    await expect(handle).rejects.toMatchObject({ code: 'BINGO_INBOX_TRANSACTION' })
    await expect(barrier(database, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
  })

  describe('the inbox', () => {
    describeInbox(async () => sqlInbox(own, { table: `inbox${++tables}` }), transact, true)
  })
  describe('the barrier', () => {
    describeBarrier(async () => sqlBarrier(own, { table: `barrier${++tables}` }), transact, true)
  })
})

test('A transaction of Drizzle that ends without waiting is refused: the entry would be saved behind it', async () => {
  const own = openFile('sync.db')
  const outbox = createOutbox(sqlOutbox(own))
  await outbox.setup()
  const prepare = (text: string) => {
    const statement = own.prepare(text)
    return { run: (values: never[]) => statement.run(...values), free: () => undefined }
  }
  const queries = drizzleSync({ prepare } as unknown as Parameters<typeof drizzleSync>[0])
  const saved = queries.transaction((tx) => outbox.saveWithTransaction(tx, entry(1)))
  await expect(saved).rejects.toMatchObject({
    code: 'BINGO_OUTBOX_TRANSACTION',
    message: expect.stringContaining('ends before anything asynchronous'),
  })
  expect(own.prepare('SELECT count(*) AS n FROM outbox').get()).toEqual({ n: 0 })
  own.close()
})
