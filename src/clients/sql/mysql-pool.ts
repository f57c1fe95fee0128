import type { Socket } from 'node:net'
import type { Pool } from 'mysql2/promise'
import { verifiedTls } from '../mysql-tls.ts'
import { openPool } from '../mysql.ts'
import type { SqlAddress } from './address.ts'
import { CONNECT_TIMEOUT_MS, endWhenSilent, IDLE_MS, PAUSED_SECONDS } from './pool-limits.ts'

export interface MysqlPoolOptions {
  /** At most, at once. */
  readonly connections: number
  readonly multipleStatements?: boolean | undefined
  /** Values as the server writes them: times, JSON and large numbers are texts. */
  readonly asText?: boolean | undefined
}

/** Connections to a server. The first is made with the first use. */
export function mysqlPoolAt(
  { host, port, user, password, database, tls }: SqlAddress,
  { connections, multipleStatements = false, asText = false }: MysqlPoolOptions,
): Pool {
  const pool = openPool({
    host,
    port,
    user,
    password,
    database,
    connectionLimit: connections,
    idleTimeout: IDLE_MS,
    maxIdle: 1,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableKeepAlive: true,
    multipleStatements,
    charset: 'utf8mb4',
    timezone: 'Z',
    ...(asText && { dateStrings: true, jsonStrings: true, supportBigNumbers: true, bigNumberStrings: true }),
    ...(tls !== null && verifiedTls(`mysql://${host.includes(':') ? `[${host}]` : host}:${port}`, tls)),
  })
  pool.on('connection', (connection) => {
    // It is handed over as the pool below has it, which knows no promises.
    const { stream } = connection as unknown as { stream: Socket }
    const session = connection as unknown as { query(sql: string, done: () => void): void }
    endWhenSilent(stream)
    // Sent before whatever the connection is taken for. A single statement is committed when it is answered, and cuts no value
    // short, whatever the server is set to.
    const settings = `wait_timeout = ${PAUSED_SECONDS}, autocommit = 1, sql_mode = 'STRICT_ALL_TABLES'`
    session.query(`SET SESSION ${settings}`, () => undefined)
  })
  return pool
}
