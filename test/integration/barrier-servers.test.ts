import { CamelCasePlugin, Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2'
import { drizzle as drizzlePostgres } from 'drizzle-orm/node-postgres'
import { createPool as createCallbackPool } from 'mysql2'
import type { Pool as CallbackPool } from 'mysql2'
import { createPool } from 'mysql2/promise'
import type { Pool, ResultSetHeader } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { barrier } from '../../src/inbox/barrier/barrier.ts'
import { sqlBarrier } from '../../src/inbox/barrier/sql.ts'
import { callbackTransact, checkBarrier } from '../support/application-transactions.ts'
import { commandHeaders, describeBarrier } from '../support/barrier-contract.ts'
import type { Transact } from '../support/inbox-contract.ts'
import { PLAIN_BARRIER, plainBarrier } from '../support/plain-barrier.ts'
import type { PlainRun } from '../support/plain-barrier.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'

let tables = 0

/** [sent, whether the work is to be done], one after the other for steps of their own. */
const COMMANDS: readonly (readonly (readonly ['do' | 'undo', boolean])[])[] = [
  [
    ['do', true],
    ['do', false],
    ['undo', true],
    ['undo', false],
    ['do', false],
  ],
  [
    ['undo', false],
    ['do', false],
    ['undo', false],
    ['do', false],
  ],
]

async function checkPlain(run: PlainRun, statements: { readonly note: string; readonly look: string }): Promise<void> {
  for (const [number, commands] of COMMANDS.entries()) {
    const proceeds: unknown[] = []
    for (const [op] of commands) proceeds.push([op, await plainBarrier(run, statements, `step-${number}`, op)])
    expect(proceeds).toEqual(commands)
  }
}

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
] as const)('barriers in %s', (_name, start) => {
  let server: Awaited<ReturnType<typeof start>>
  let pool: Pool
  let callbackPool: CallbackPool
  beforeAll(async () => {
    server = await start()
    await server.query('CREATE DATABASE app')
    const uri = `${server.url.replace('mariadb:', 'mysql:').replace(/\/$/, '')}/app`
    pool = createPool({ uri, connectionLimit: 12 })
    callbackPool = createCallbackPool({ uri, connectionLimit: 4 })
  })
  afterAll(async () => {
    await pool.end()
    await callbackPool.promise().end()
    await server.stop()
  })

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

  describe('with transactions of mysql2', () => {
    describeBarrier(async () => sqlBarrier(pool, { table: `barrier${++tables}` }), transact)
  })

  test('Commands are noted in transactions of mysql2 of both kinds, Kysely and Drizzle', async () => {
    const dialect = new MysqlDialect({ pool: callbackPool as never })
    const kysely = new Kysely<unknown>({ dialect, plugins: [new CamelCasePlugin()] })
    const drizzle = drizzleMysql({ client: callbackPool })
    const kinds: Transact[] = [(work) => kysely.transaction().execute(work), (work) => drizzle.transaction(work)]
    await checkBarrier(pool, [transact, callbackTransact(callbackPool), ...kinds])
    for (const wrong of [pool, callbackPool, kysely, drizzle]) {
      await expect(barrier(wrong, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
    }
  })

  test('The statements that the docs have for other languages let the same commands through', async () => {
    const { table, ...statements } = PLAIN_BARRIER.mysql
    await pool.query('DROP TABLE IF EXISTS saga_barrier')
    await pool.query(table)
    await transact((connection) =>
      checkPlain(async (sql, values) => {
        const [answer] = await (connection as Pool).query(sql, [...values])
        if (Array.isArray(answer)) return { changes: 0, notedBy: (answer as { noted_by: string }[])[0]?.noted_by }
        return { changes: (answer as ResultSetHeader).affectedRows, notedBy: undefined }
      }, statements),
    )
    const send = () => transact((tx) => barrier(tx, { ...commandHeaders('do', 'step-0'), 'bingo-saga': 's/1' }))
    expect(await send()).toMatchObject({ outcome: 'repeated' })
  })

  test('The longest names of a saga and a step make a key that the server takes', async () => {
    await sqlBarrier(pool).setup()
    const longest = { ...commandHeaders('do'), 'bingo-saga': '€'.repeat(511), 'bingo-step': '€'.repeat(255) }
    expect(await transact((tx) => barrier(tx, longest))).toMatchObject({ outcome: 'first' })
    expect(await transact((tx) => barrier(tx, longest))).toMatchObject({ outcome: 'repeated' })
  })
})

describe('barriers in PostgreSQL', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let pool: pg.Pool
  beforeAll(async () => {
    server = await startPostgres()
    pool = new pg.Pool({ connectionString: server.url, max: 12 })
  })
  afterAll(async () => {
    await pool.end()
    await server.stop()
  })

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

  describe('with transactions of pg', () => {
    describeBarrier(async () => sqlBarrier(pool, { table: `barrier${++tables}` }), transact)
  })

  test('Commands are noted in transactions of pg, Kysely and Drizzle', async () => {
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] })
    const drizzle = drizzlePostgres({ client: pool })
    const kinds: Transact[] = [(work) => kysely.transaction().execute(work), (work) => drizzle.transaction(work)]
    await checkBarrier(pool, [transact, ...kinds])
    for (const wrong of [pool, kysely, drizzle]) {
      await expect(barrier(wrong, commandHeaders('do'))).rejects.toMatchObject({ code: 'BINGO_BARRIER_TRANSACTION' })
    }
  })

  test('The statements that the docs have for other languages let the same commands through', async () => {
    const { table, ...statements } = PLAIN_BARRIER.postgres
    await pool.query('DROP TABLE IF EXISTS saga_barrier')
    await pool.query(table)
    await transact((client) =>
      checkPlain(async (sql, values) => {
        const { rows, rowCount } = await (client as pg.Client).query<{ noted_by: string }>(sql, [...values])
        return { changes: rowCount ?? 0, notedBy: rows[0]?.noted_by }
      }, statements),
    )
    const send = () => transact((tx) => barrier(tx, { ...commandHeaders('do', 'step-0'), 'bingo-saga': 's/1' }))
    expect(await send()).toMatchObject({ outcome: 'repeated' })
  })
})
