import type { Pool, PoolClient } from 'pg'
import type { Notices } from './polled-feed.ts'

/** Who inserts says `NOTIFY bingo_outbox` (a trigger does), and this connection hears it once that has committed. */
const CHANNEL = 'bingo_outbox'

export class PostgresNotices implements Notices {
  private readonly pool: Pool
  private client: PoolClient | null = null

  constructor(pool: Pool) {
    this.pool = pool
  }

  /** Asked before every look at the table: a connection that broke is replaced. */
  async listen(ring: () => void): Promise<void> {
    if (this.client !== null) {
      const { client } = this
      // A connection that is silent is taken for dead.
      await client.query('SELECT 1').catch((error: unknown) => {
        this.client = null
        client.release(true)
        throw error
      })
      return
    }
    const client = await this.pool.connect()
    try {
      client.on('notification', ring)
      await client.query(`LISTEN ${CHANNEL}`)
      this.client = client
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  close(): Promise<void> {
    this.client?.release(true)
    this.client = null
    return Promise.resolve()
  }
}
