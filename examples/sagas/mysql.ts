import { createPool } from 'mysql2/promise'
import type { PoolConnection } from 'mysql2/promise'
import { createBarrier, sqlBarrier } from '../../src/index.ts'
import type { ServiceParts } from './service.ts'

/** A database of a service's own, with its tables and that of the barrier. */
export async function openDatabase(
  url: string,
  database: string,
  tables: readonly string[],
): Promise<Pick<ServiceParts<PoolConnection>, 'transact' | 'close'>> {
  const server = createPool(url)
  await server.query(`CREATE DATABASE IF NOT EXISTS ${database}`)
  await server.end()
  const pool = createPool({ uri: `${url}/${database}`, connectionLimit: 10 })
  for (const table of tables) await pool.query(table)
  await createBarrier(sqlBarrier(pool)).setup()
  return {
    close: () => pool.end(),
    transact: async (work) => {
      const connection = await pool.getConnection()
      try {
        await connection.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
        await connection.beginTransaction()
        const result = await work(connection)
        await connection.commit()
        return result
      } catch (error) {
        await connection.rollback()
        throw error
      } finally {
        connection.release()
      }
    },
  }
}
