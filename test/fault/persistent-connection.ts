import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'

const RETRY_MS = 50
/** Reconnecting for longer means that the server will not come back. */
const GIVE_UP_MS = 120_000

/**
 * A connection for a writer whose server is killed, restarted or replaced: it is opened anew, to whatever `connect` leads
 * to by then. The statement that met the loss fails like the victim of a deadlock: its transaction is gone.
 */
export class PersistentConnection {
  private readonly connect: () => Promise<Connection>
  private connection: Connection | null = null

  constructor(connect: () => Promise<Connection>) {
    this.connect = connect
  }

  async query(sql: string): Promise<unknown> {
    this.connection ??= await this.reopen()
    try {
      return await this.connection.query(sql)
    } catch (error) {
      if (isAnswer(error)) throw error
      this.connection.destroy()
      this.connection = null
      throw new Error(`the connection was lost: as after a deadlock, start again (${String(error)})`, { cause: error })
    }
  }

  async end(): Promise<void> {
    await this.connection?.end().catch(() => undefined)
    this.connection = null
  }

  private async reopen(): Promise<Connection> {
    const deadline = performance.now() + GIVE_UP_MS
    for (;;) {
      try {
        return await this.connect()
      } catch (error) {
        if (performance.now() > deadline) throw error
        await delay(RETRY_MS)
      }
    }
  }
}

/** The server said no (a deadlock, a lock timeout), and the connection stands. Shutdowns (1053, 1927) end it. */
function isAnswer(error: unknown): boolean {
  const { errno, fatal, sqlState } = error as { errno?: number; fatal?: boolean; sqlState?: string }
  return fatal !== true && sqlState !== undefined && errno !== 1053 && errno !== 1927
}
