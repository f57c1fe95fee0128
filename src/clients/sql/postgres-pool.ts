import type { Socket } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { ClientBase, Pool, PoolConfig } from 'pg'
import { openPostgresPool } from '../postgres.ts'
import type { SqlAddress } from './address.ts'
import { CONNECT_TIMEOUT_MS, endWhenSilent, IDLE_MS, PAUSED_SECONDS } from './pool-limits.ts'

export interface PostgresPoolOptions {
  /** At most, at once. */
  readonly connections: number
  /** How values are read. Default: as pg does. */
  readonly types?: PoolConfig['types']
}

/** Connections to a server. The first is made with the first use. */
export function postgresPoolAt(address: SqlAddress, { connections, types }: PostgresPoolOptions): Pool {
  return openPostgresPool({
    ...postgresLogin(address),
    max: connections,
    idleTimeoutMillis: IDLE_MS,
    onConnect: prepareSession,
    ...(types !== undefined && { types }),
  })
}

/** The pool waits for it: pg takes one query at a time, and whoever asked for the connection sends the next one at once. */
async function prepareSession(client: ClientBase): Promise<void> {
  endWhenSilent((client as unknown as { connection: { stream: Socket } }).connection.stream)
  // No startup parameters: PgBouncer refuses those that it does not know. Another isolation than that of PostgreSQL by default
  // would refuse statements of several instances, and show those that waited for a lock what was there before.
  const settings = `SET idle_in_transaction_session_timeout = '${PAUSED_SECONDS}s'; SET default_transaction_isolation = 'read committed'`
  await client.query(settings).catch(() => undefined)
}

/** Of any connection of ours. */
function postgresLogin({ host, port, user, password, database, tls }: SqlAddress): PoolConfig {
  return {
    host,
    port,
    user,
    password,
    database,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'bingo',
    ssl:
      tls === null ? false : { ...tls, minVersion: 'TLSv1.2', checkServerIdentity: identityOf(tls.servername ?? host) },
  }
}

/** pg would check an IP address against "localhost". */
function identityOf(name: string): typeof checkServerIdentity {
  return (_host, certificate) => checkServerIdentity(name, certificate)
}
