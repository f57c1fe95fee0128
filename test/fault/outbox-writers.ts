import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { randomFrom } from './random.ts'

const WRITERS = 4
/** Of each writer: no two write entries of one aggregate, so that its numbers are in the order of the commits. */
const AGGREGATES = 5
const ROLLED_BACK_ONE_IN = 7
const PAUSE_MS = 5
const RECONNECT_MS = 50

/**
 * Services that place orders, each with its entry in the outbox, in one transaction; one in seven is rolled back, by
 * ROLLBACK or to a savepoint. What a server that is killed did with a COMMIT is told by the orders that are there.
 */
export class OutboxWriters {
  private readonly server: Pick<SqlServer, 'connect'>
  private readonly random: () => number
  private readonly running: Promise<void>[] = []
  private readonly stopping = new AbortController()
  /** Transactions begun. */
  attempts = 0

  constructor(server: Pick<SqlServer, 'connect'>, seed: number) {
    this.server = server
    this.random = randomFrom(seed)
  }

  start(): void {
    for (let writer = 0; writer < WRITERS; writer++) this.running.push(this.write(writer))
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await Promise.all(this.running)
  }

  private async write(writer: number): Promise<void> {
    let connection: Connection | null = null
    for (let n = 1; !this.stopping.signal.aborted; n++) {
      this.attempts += 1
      try {
        connection ??= await this.server.connect()
        await this.place(connection, writer, n)
        await delay(this.random() * PAUSE_MS)
      } catch {
        connection?.destroy()
        connection = null
        await delay(RECONNECT_MS)
      }
    }
    connection?.destroy()
  }

  private async place(connection: Connection, writer: number, n: number): Promise<void> {
    const id = `o-${writer}-${n}`
    const insert = async (): Promise<void> => {
      await connection.query('INSERT INTO shop.orders VALUES (?)', [id])
      await connection.query('INSERT INTO shop.outbox (id, aggregate_id, topic, payload) VALUES (?, ?, ?, ?)', [
        id,
        `a-${writer}-${n % AGGREGATES}`,
        'orders',
        JSON.stringify({ n }),
      ])
    }
    await connection.query('BEGIN')
    if (n % ROLLED_BACK_ONE_IN !== 0) {
      await insert()
      await connection.query('COMMIT')
      return
    }
    const toSavepoint = n % (2 * ROLLED_BACK_ONE_IN) === 0
    if (toSavepoint) await connection.query('SAVEPOINT before_order')
    await insert()
    await connection.query(toSavepoint ? 'ROLLBACK TO before_order' : 'ROLLBACK')
    await connection.query('COMMIT')
  }
}
