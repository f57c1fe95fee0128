import type { Socket } from 'node:net'
import type { Pool } from 'mysql2/promise'
import { verifiedTls } from '../mysql-tls.ts'
import { openPool } from '../mysql.ts'
import type { SqlAddress } from './address.ts'
import { CONNECT_TIMEOUT_MS, endWhenSilent, IDLE_MS } from './pool-limits.ts'

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
  pool.on('connection', (connection) => endWhenSilent((connection as unknown as { stream: Socket }).stream))
  return pool
}
