import type { Pool, PoolClient } from 'pg'
import type { Clock, Timer } from '../../model/clock.ts'
import type { Notices } from './polled-feed.ts'

/** Who inserts says `NOTIFY bingo_outbox` (a trigger does), and this connection hears it once that has committed. */
const CHANNEL = 'bingo_outbox'
/** More often than a connection that says nothing is taken for dead (clients/sql/pool-limits.ts). */
const PING_MS = 10_000

interface Listening {
  readonly client: PoolClient
  readonly pings: Timer
}

export class PostgresNotices implements Notices {
  private readonly pool: Pool
  private readonly clock: Clock
  private listening: Listening | null = null

  constructor(pool: Pool, clock: Clock) {
    this.pool = pool
    this.clock = clock
  }

  /** Asked before every look at the table: a connection that broke has rung, and is replaced. */
  async listen(ring: () => void): Promise<void> {
    if (this.listening !== null) return
    const client = await this.pool.connect()
    try {
      client.on('notification', ring)
      client.on('end', () => this.lost(client, ring))
      await client.query(`LISTEN ${CHANNEL}`)
    } catch (error) {
      client.release(true)
      throw error
    }
    const pings = this.clock.every(PING_MS, () => {
      client.query('SELECT 1').catch(() => this.lost(client, ring))
    })
    this.listening = { client, pings }
  }

  close(): Promise<void> {
    this.drop()
    return Promise.resolve()
  }

  /** What was committed meanwhile has been said to nobody. */
  private lost(client: PoolClient, ring: () => void): void {
    if (this.listening?.client !== client) return
    this.drop()
    ring()
  }

  private drop(): void {
    const { listening } = this
    this.listening = null
    listening?.pings.cancel()
    listening?.client.release(true)
  }
}
