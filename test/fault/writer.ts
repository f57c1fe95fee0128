import { setTimeout as delay } from 'node:timers/promises'

/** A connection of mysql2/promise, as far as the writer uses it. */
interface Connection {
  query(sql: string): Promise<unknown>
  end(): Promise<void>
}

export interface WriterOptions {
  readonly connect: () => Promise<Connection>
  readonly seed: number
  readonly sessions: number
  readonly keys: number
  /** Rest between two transactions of a session, milliseconds. */
  readonly pauseMs: number
}

/** mulberry32: small, seeded, good enough to choose what to do next. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** The tables that rules of recording targets name. */
export const WRITER_TABLES = ['fault.one', 'fault.two'] as const

/**
 * Several sessions that write at once: single rows, many rows, two tables in one transaction, savepoints and
 * transactions that are rolled back. Every committed write adds 1 to the `seq` of its row.
 */
export class Writer {
  private readonly options: WriterOptions
  private stopping = false
  private sessions: Promise<void>[] = []

  constructor(options: WriterOptions) {
    this.options = options
  }

  /** Creates and fills the tables: `seq` 1 for every row. */
  async prepare(): Promise<void> {
    const connection = await this.options.connect()
    await connection.query('CREATE DATABASE IF NOT EXISTS fault')
    for (const table of WRITER_TABLES) {
      await connection.query(`DROP TABLE IF EXISTS ${table}`)
      await connection.query(`CREATE TABLE ${table} (id INT PRIMARY KEY, seq INT NOT NULL, pad VARCHAR(200))`)
    }
    await connection.end()
  }

  async insertRows(): Promise<void> {
    const connection = await this.options.connect()
    const rows = Array.from({ length: this.options.keys }, (_, id) => `(${id}, 1, REPEAT('x', 50))`)
    for (const table of WRITER_TABLES) await connection.query(`INSERT INTO ${table} VALUES ${rows.join(',')}`)
    await connection.end()
  }

  start(): void {
    this.stopping = false
    this.sessions = Array.from({ length: this.options.sessions }, (_, i) => this.session(this.options.seed * 1000 + i))
  }

  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all(this.sessions)
  }

  /** `table:id` → seq, as the server has it. */
  async finalState(): Promise<Map<string, number>> {
    const connection = await this.options.connect()
    const state = new Map<string, number>()
    for (const table of WRITER_TABLES) {
      const [rows] = (await connection.query(`SELECT id, seq FROM ${table}`)) as [{ id: number; seq: number }[]]
      for (const { id, seq } of rows) state.set(`${table.slice(6)}:${id}`, seq)
    }
    await connection.end()
    return state
  }

  private async session(seed: number): Promise<void> {
    const random = randomFrom(seed)
    const connection = await this.options.connect()
    while (!this.stopping) {
      try {
        await this.transaction(connection, random)
      } catch (error) {
        // Deadlocks and lock timeouts roll back by themselves: the writer goes on like an application would.
        if (!/deadlock|lock wait/i.test(String(error))) throw error
        await connection.query('ROLLBACK')
      }
      if (this.options.pauseMs > 0) await delay(this.options.pauseMs)
    }
    await connection.end()
  }

  private async transaction(connection: Connection, random: () => number): Promise<void> {
    const kind = random()
    const bump = (rows: number) => connection.query(this.update(random, rows))
    await connection.query('BEGIN')
    await bump(1 + Math.floor(random() * 3))
    if (kind < 0.1) {
      await bump(30)
      await connection.query('ROLLBACK')
      return
    }
    if (kind < 0.25) {
      await connection.query('SAVEPOINT here')
      await bump(5)
      await connection.query('ROLLBACK TO SAVEPOINT here')
      await bump(2)
    } else if (kind < 0.35) {
      await bump(this.options.keys)
    }
    await connection.query('COMMIT')
  }

  private update(random: () => number, rows: number): string {
    const table = WRITER_TABLES[random() < 0.5 ? 0 : 1]
    const first = Math.floor(random() * this.options.keys)
    return `UPDATE ${table} SET seq = seq + 1 WHERE id BETWEEN ${first} AND ${first + rows - 1} ORDER BY id`
  }
}
