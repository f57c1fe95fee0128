import { setTimeout as delay } from 'node:timers/promises'
import { randomFrom } from './random.ts'
import { changeSchema } from './writer-schema.ts'
import { WRITER_TABLES } from './writer-tables.ts'
import { rollBackPrepared, transaction } from './writer-transactions.ts'
import type { Connection } from './writer-transactions.ts'

export interface WriterOptions {
  readonly connect: () => Promise<Connection>
  readonly seed: number
  readonly sessions: number
  /** Rows of each table. */
  readonly keys: number
  /** Rest between two transactions of a session, milliseconds. */
  readonly pauseMs: number
  /** Rest between two changes of a table's definition; null: none are made. */
  readonly ddlPauseMs: number | null
  /** Waited for before each transaction: where what is written must not outrun what is done with it. */
  readonly mayWrite?: () => Promise<void>
}

/** Waiting for a server that is away gives up after this. */
const RECONNECT_TIMEOUT_MS = 180_000
const RECONNECT_PAUSE_MS = 100

/** Rolled back by the server, and tried again like an application would: deadlock, lock timeout, id taken, table altered. */
const ROLLED_BACK = new Set([1062, 1205, 1213, 1412, 1613, 1614])

/**
 * Several sessions that write at once, seeded. A row is known by its `uid`, which never changes; every committed change
 * adds 1 to its `seq`, so that the end state tells its whole history, even where a session never learned whether its
 * COMMIT was done. Sessions outlive a server that goes away.
 */
export class Writer {
  private readonly options: WriterOptions
  private stopping = false
  private sessions: Promise<void>[] = []
  /** Sessions between two transactions wait here while a table is being replaced. */
  private gate: Promise<void> | null = null
  private inTransaction = 0
  private transactions = 0

  constructor(options: WriterOptions) {
    this.options = options
  }

  /** Creates the tables, empty. */
  async prepare(): Promise<void> {
    const connection = await this.options.connect()
    await connection.query('CREATE DATABASE IF NOT EXISTS fault')
    for (const table of WRITER_TABLES) {
      await connection.query(`DROP TABLE IF EXISTS ${table}`)
      await connection.query(
        `CREATE TABLE ${table} (id INT PRIMARY KEY, uid INT NOT NULL UNIQUE, seq INT NOT NULL, pad VARCHAR(200))`,
      )
    }
    await connection.end()
  }

  /** Fills them: `seq` 1 for every row. */
  async insertRows(): Promise<void> {
    const connection = await this.options.connect()
    const rows = Array.from({ length: this.options.keys }, (_, uid) => `(${uid}, ${uid}, 1, REPEAT('x', 50))`)
    for (const table of WRITER_TABLES) {
      await connection.query(`INSERT INTO ${table} (id, uid, seq, pad) VALUES ${rows.join(',')}`)
    }
    await connection.end()
  }

  start(): void {
    const { seed, sessions, keys, ddlPauseMs } = this.options
    this.stopping = false
    this.sessions = Array.from({ length: sessions }, (_, number) => {
      const random = randomFrom(seed * 1000 + number)
      return this.session(number, (connection) =>
        this.whenOpen(() => transaction(connection, { random, keys, session: number })),
      )
    })
    if (ddlPauseMs !== null) this.sessions.push(this.schemaSession(ddlPauseMs))
    // Told by `stop`, which may be much later.
    for (const session of this.sessions) session.catch(() => undefined)
  }

  /** Lets every session finish what it is at. Rejects with what ended one of them before. */
  async stop(): Promise<void> {
    this.stopping = true
    const ends = await Promise.allSettled(this.sessions)
    this.sessions = []
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  /** Waits until so many more transactions are committed: load is what was written, however long a busy machine takes. */
  async writes(transactions: number): Promise<void> {
    const [until, deadline] = [this.transactions + transactions, performance.now() + RECONNECT_TIMEOUT_MS]
    while (this.transactions < until && performance.now() < deadline) await delay(5)
  }

  /** `table:uid` → seq, as the server has it. */
  async finalState(): Promise<Map<string, number>> {
    const connection = await this.options.connect()
    const state = new Map<string, number>()
    for (const table of WRITER_TABLES) {
      const [rows] = (await connection.query(`SELECT uid, seq FROM ${table}`)) as [{ uid: number; seq: number }[]]
      for (const { uid, seq } of rows) state.set(`${table.slice('fault.'.length)}:${uid}`, seq)
    }
    await connection.end()
    return state
  }

  private schemaSession(pauseMs: number): Promise<void> {
    const random = randomFrom(this.options.seed * 1000 + 999)
    return this.session(999, async (connection) => {
      await changeSchema(connection, random, (work) => this.alone(work))
      await this.rest(pauseMs)
    })
  }

  private async session(number: number, work: (connection: Connection) => Promise<void>): Promise<void> {
    let connection = await this.connect(number)
    while (connection !== null && !this.stopping) {
      try {
        await work(connection)
      } catch (error) {
        if (ROLLED_BACK.has((error as { errno?: number }).errno ?? 0))
          await connection.query('ROLLBACK').catch(() => undefined)
        else if (isConnectionLoss(error)) {
          connection.destroy()
          connection = await this.connect(number)
        } else throw error
      }
      if (this.options.pauseMs > 0) await delay(this.options.pauseMs)
    }
    await connection?.end().catch(() => undefined)
  }

  /** Null when the writer stops and the server is not there. */
  private async connect(session: number): Promise<Connection | null> {
    const deadline = performance.now() + RECONNECT_TIMEOUT_MS
    for (;;) {
      try {
        const connection = await this.options.connect()
        // A change of a table's definition and row locks can wait for each other without the server noticing.
        await connection.query('SET innodb_lock_wait_timeout = 2, lock_wait_timeout = 2')
        await rollBackPrepared(connection, session)
        return connection
      } catch (error) {
        if (performance.now() > deadline || !isConnectionLoss(error)) throw error
        if (this.stopping) return null
        await delay(RECONNECT_PAUSE_MS)
      }
    }
  }

  private async whenOpen(work: () => Promise<void>): Promise<void> {
    await this.options.mayWrite?.()
    while (this.gate !== null) await this.gate
    this.inTransaction += 1
    try {
      await work()
      this.transactions += 1
    } finally {
      this.inTransaction -= 1
    }
  }

  /** Runs while no session is inside a transaction. */
  private async alone(work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.gate = promise
    try {
      while (this.inTransaction > 0) await delay(1)
      await work()
    } finally {
      this.gate = null
      resolve()
    }
  }

  /** Ends early when the writer stops. */
  private async rest(ms: number): Promise<void> {
    const until = performance.now() + ms
    while (!this.stopping && performance.now() < until) await delay(Math.min(20, ms))
  }
}

function isConnectionLoss(error: unknown): boolean {
  const { fatal, code, message } = error as { fatal?: boolean; code?: string; message?: string }
  if (fatal === true || /^(ECONN|EPIPE|ETIMEDOUT|PROTOCOL_|ER_SERVER_SHUTDOWN|ER_CON_COUNT)/.test(code ?? ''))
    return true
  return /closed state|shutdown in progress/i.test(message ?? '')
}
