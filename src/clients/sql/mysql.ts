import type { Connection, Pool, PoolConnection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import type { SqlDatabase, SqlResult, SqlSession, SqlValue } from './session.ts'

/** A connection of mysql2, or a pool of them. Statements are prepared, so that no value is ever taken for SQL. */
export class MysqlSession implements SqlSession {
  readonly dialect = 'mysql'
  readonly #connection: Pick<Connection, 'execute'>

  constructor(connection: Pick<Connection, 'execute'>) {
    this.#connection = connection
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
    const [result] = await this.#connection.execute<RowDataPacket[] | ResultSetHeader>(sql, values.map(sendable))
    if (Array.isArray(result)) return { rows: result, changes: 0 }
    return { rows: [], changes: result.affectedRows, insertId: BigInt(result.insertId) }
  }
}

export class MysqlDatabase extends MysqlSession implements SqlDatabase {
  readonly #pool: Pool

  constructor(pool: Pool) {
    super(pool)
    this.#pool = pool
  }

  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.withConnection(async (connection) => {
      await connection.beginTransaction()
      try {
        const result = await work(new MysqlSession(connection))
        await connection.commit()
        return result
      } catch (error) {
        await connection.rollback()
        throw error
      }
    })
  }

  /** The connection is closed when `work` rejects: nobody knows in which state it is. */
  async withConnection<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const connection = await this.#pool.getConnection()
    try {
      const result = await work(connection)
      connection.release()
      return result
    } catch (error) {
      connection.destroy()
      throw error
    }
  }
}

/** mysql2 sends a bigint as text, which the server would compare as a floating-point number. */
function sendable(value: SqlValue): string | number | null {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}
