import pg from 'pg'
import type { Pool, PoolConfig } from 'pg'

/** Connects when a connection is first asked for. A connection that breaks while it is idle is replaced by the next use. */
export function openPostgresPool(options: PoolConfig): Pool {
  const pool = new pg.Pool(options)
  // Without listeners the process would end. The next use of an idle connection gets the error; so does whoever uses one that
  // breaks between two of its statements: the pool listens to idle ones only.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
