import type { Kysely } from 'kysely'
import type { PoolConfig } from 'pg'
import { mysqlQueries, postgresQueries } from '../../clients/kysely.ts'
import type { SqlAddress } from '../../clients/sql/address.ts'
import { PREPARE_MYSQL, PREPARE_POSTGRES } from '../../clients/sql/preparation.ts'
import { INSERT_NEW_POSTGRES } from './new-events.ts'
import type { EventTables } from './tables.ts'

/** One writes, the others read. */
const CONNECTIONS = 5

/** Half of the time of a small group goes into planning it. */
const PLANNED_ONCE = new Map([[INSERT_NEW_POSTGRES, 'bingo_insert_new']])

/** Connects with the first query. Loads the client that is needed, and no other. */
export async function connect(address: SqlAddress): Promise<Kysely<EventTables>> {
  if (address.flavour === 'mysql') {
    const { mysqlPoolAt } = await import('../../clients/sql/mysql-pool.ts')
    // A post is one round trip: see new-events.ts. Values never stand in a statement without being escaped.
    return mysqlQueries(mysqlPoolAt(address, { connections: CONNECTIONS, multipleStatements: true }), PREPARE_MYSQL)
  }
  const { postgresPoolAt } = await import('../../clients/sql/postgres-pool.ts')
  const types = {
    getTypeParser: (id: number) => (id === INT8 ? Number : (text: string) => text),
  } as PoolConfig['types']
  const pool = postgresPoolAt(address, { connections: CONNECTIONS, types })
  return postgresQueries(pool, PREPARE_POSTGRES, PLANNED_ONCE)
}

/** Its numbers stay below 2^53 here. */
const INT8 = 20
