import { createConnection, createPool } from 'mysql2/promise'
import type { Connection, ConnectionOptions, Pool, PoolOptions } from 'mysql2/promise'

/** Connects when a connection is first asked for. */
export function openPool(options: PoolOptions): Pool {
  return createPool(options)
}

/** Rejects with what the socket, TLS or the server says. */
export function connectMysql(options: ConnectionOptions): Promise<Connection> {
  return createConnection(options)
}
