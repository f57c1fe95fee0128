import type { Socket } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { Kysely } from 'kysely'
import type { PoolOptions } from 'mysql2/promise'
import type { PoolConfig } from 'pg'
import { mysqlQueries, postgresQueries } from '../../clients/kysely.ts'
import type { SqlAddress } from './address.ts'
import type { EventTables } from './tables.ts'

/** One writes, the others read. */
const CONNECTIONS = 5
const CONNECT_TIMEOUT_MS = 5_000
/** A server that says nothing for so long is taken for dead. */
const SILENT_MS = 30_000
/** Sooner: an idle connection is closed, not taken for dead. */
const IDLE_MS = 15_000

/** A value must not end the text that it stands in, whatever the server is set to. */
const PREPARE_MYSQL = [
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES', autocommit = 1, innodb_lock_wait_timeout = 20",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
]
const PREPARE_POSTGRES = ["SET default_transaction_isolation = 'read committed'"]

/** Connects with the first query. Loads the client that is needed, and no other. */
export function connect(address: SqlAddress): Promise<Kysely<EventTables>> {
  return address.flavour === 'mysql' ? connectMysql(address) : connectPostgres(address)
}

async function connectMysql(address: SqlAddress): Promise<Kysely<EventTables>> {
  const { openPool } = await import('../../clients/mysql.ts')
  const { verifiedTls } = await import('../../clients/mysql-tls.ts')
  const { host, port, user, password, database, tls } = address
  const options: PoolOptions = {
    host,
    port,
    user,
    password,
    database,
    connectionLimit: CONNECTIONS,
    idleTimeout: IDLE_MS,
    maxIdle: 1,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    // A post is one round trip: see new-events.ts. Values never stand in a statement without being escaped.
    multipleStatements: true,
    charset: 'utf8mb4',
    timezone: 'Z',
    ...(tls !== null && verifiedTls(`mysql://${host.includes(':') ? `[${host}]` : host}:${port}`, tls)),
  }
  const pool = openPool(options)
  pool.on('connection', (connection) => endWhenSilent((connection as unknown as { stream: Socket }).stream))
  return mysqlQueries(pool, PREPARE_MYSQL)
}

async function connectPostgres(address: SqlAddress): Promise<Kysely<EventTables>> {
  const { openPostgresPool } = await import('../../clients/postgres.ts')
  const { host, port, user, password, database, tls } = address
  const options: PoolConfig = {
    host,
    port,
    user,
    password,
    database,
    max: CONNECTIONS,
    idleTimeoutMillis: IDLE_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'bingo',
    types: { getTypeParser: (id: number) => (id === INT8 ? Number : (text: string) => text) } as PoolConfig['types'],
    ssl:
      tls === null ? false : { ...tls, minVersion: 'TLSv1.2', checkServerIdentity: identityOf(tls.servername ?? host) },
  }
  const pool = openPostgresPool(options)
  pool.on('connect', (client) =>
    endWhenSilent((client as unknown as { connection: { stream: Socket } }).connection.stream),
  )
  return postgresQueries(pool, PREPARE_POSTGRES)
}

/** pg would check an IP address against "localhost". */
function identityOf(name: string): typeof checkServerIdentity {
  return (_host, certificate) => checkServerIdentity(name, certificate)
}

/** Neither client has a limit for all of its statements, the end of a transaction included. */
function endWhenSilent(stream: Socket): void {
  stream.setTimeout(SILENT_MS, () => stream.destroy(new Error(`the server did not answer for ${SILENT_MS / 1_000} s`)))
}

/** Its numbers stay below 2^53 here. */
const INT8 = 20
