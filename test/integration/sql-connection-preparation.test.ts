import type { Kysely } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CompiledQuery, mysqlQueries, postgresQueries } from '../../src/clients/kysely.ts'
import { parseSqlAddress } from '../../src/clients/sql/address.ts'
import { mysqlPoolAt } from '../../src/clients/sql/mysql-pool.ts'
import { postgresPoolAt } from '../../src/clients/sql/postgres-pool.ts'
import { startDatabase } from '../support/events/database-server.ts'
import type { DatabaseServer, ServerKind } from '../support/events/database-server.ts'

const KINDS: readonly ServerKind[] = ['MySQL', 'MariaDB', 'PostgreSQL']
/** More attempts than these must not need more places. */
const CONNECTIONS = 2

describe.each(KINDS)('a connection to %s', (kind) => {
  const isPostgres = kind === 'PostgreSQL'
  let server: DatabaseServer
  let url: string

  beforeAll(async () => {
    server = await startDatabase(kind)
    url = await server.create()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  function queriesWith(preparation: readonly string[]): Kysely<object> {
    const address = parseSqlAddress(url)
    return isPostgres
      ? postgresQueries<object>(postgresPoolAt(address, { connections: CONNECTIONS }), preparation)
      : mysqlQueries<object>(mysqlPoolAt(address, { connections: CONNECTIONS }), preparation)
  }

  async function failures(queries: Kysely<object>): Promise<string[]> {
    const messages: string[] = []
    for (let attempt = 0; attempt < CONNECTIONS + 2; attempt++) {
      const error: unknown = await queries
        .executeQuery(CompiledQuery.raw('SELECT 1'))
        .catch((failed: unknown) => failed)
      messages.push(error instanceof Error ? error.message : 'no error')
    }
    return messages
  }

  test('that breaks while it is prepared gives its place in the pool back, and the pool ends', async () => {
    const queries = queriesWith([isPostgres ? 'SELECT pg_terminate_backend(pg_backend_pid())' : 'KILL CONNECTION_ID()'])
    const messages = await failures(queries)
    expect(messages).not.toContain('no error')
    expect(messages).not.toContain('timeout exceeded when trying to connect')
    await queries.destroy()
  })

  test('whose preparation the server refuses gives its place in the pool back, and the pool ends', async () => {
    const queries = queriesWith(["SET SESSION no_such_setting = 'x'"])
    expect(await failures(queries)).toEqual(
      Array.from({ length: CONNECTIONS + 2 }, () => expect.stringContaining('no_such_setting') as string),
    )
    await queries.destroy()
  })

  test('is prepared once, before its first statement', async () => {
    const [prepare, ask] = isPostgres
      ? ["SET application_name = 'prepared'", 'SHOW application_name']
      : ["SET @prepared = CONCAT(COALESCE(@prepared, ''), 'prepared')", 'SELECT @prepared']
    const queries = queriesWith([prepare])
    for (let n = 0; n < 3; n++) {
      const { rows } = await queries.executeQuery<object>(CompiledQuery.raw(ask))
      expect(Object.values(rows[0]!).map(String)).toEqual(['prepared'])
    }
    await queries.destroy()
  })

  test('is set up before the pool hands it over, in turn, so that its client warns of nothing', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): unknown => warnings.push(warning)
    process.on('warning', warned)
    const address = parseSqlAddress(url)
    const setting = isPostgres ? 'SHOW idle_in_transaction_session_timeout' : 'SELECT @@session.wait_timeout'
    const pool = isPostgres ? postgresPoolAt(address, { connections: 3 }) : mysqlPoolAt(address, { connections: 3 })
    const asked = Array.from(
      { length: 9 },
      async () => await (pool as { query(sql: string): Promise<unknown> }).query(setting),
    )
    const answers = JSON.stringify(await Promise.all(asked))
    // Node emits warnings on the next tick.
    await new Promise(setImmediate)
    process.off('warning', warned)
    await pool.end()
    expect(answers.match(isPostgres ? /"20s"/g : /:20\b/g)).toHaveLength(9)
    expect(warnings).toEqual([])
  })
})
