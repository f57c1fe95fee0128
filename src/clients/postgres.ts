import pg from 'pg'
import type { Pool, PoolConfig } from 'pg'

/** Connects when a connection is first asked for. A connection that breaks while it is idle is replaced by the next use. */
export function openPostgresPool(options: PoolConfig): Pool {
  const pool = new pg.Pool(options)
  // Without a listener the process would end; who uses the connection next is told.
  pool.on('error', () => undefined)
  return pool
}
