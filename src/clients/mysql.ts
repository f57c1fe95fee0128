import { createConnection, createPool, setMaxParserCache } from 'mysql2/promise'
import type { Connection, ConnectionOptions, Pool, PoolOptions } from 'mysql2/promise'

/** Shapes of answers, in all connections. The caches of mysql2 take their whole room at once: 15,000 are 0.5 MB. */
const MOST_PARSERS = 1_000
setMaxParserCache(MOST_PARSERS)

/** Statements prepared by one connection, where mysql2 makes room for 16,000: 0.5 MB for each connection. */
const FEW_STATEMENTS = { maxPreparedStatements: 1_000 } as const

/** Connects when a connection is first asked for. */
export function openPool(options: PoolOptions): Pool {
  return createPool({ ...FEW_STATEMENTS, ...options })
}

/** Rejects with what the socket, TLS or the server says. */
export function connectMysql(options: ConnectionOptions): Promise<Connection> {
  return createConnection({ ...FEW_STATEMENTS, ...options })
}
