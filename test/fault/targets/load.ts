import { setTimeout as delay } from 'node:timers/promises'
import type { SqlServer } from '../../support/servers/mysql.ts'

const TABLE = 'fault.load'
/** Rows that one transaction changes. */
const ROWS_PER_TRANSACTION = 20
const SESSIONS = 2

/** A load of a known size: every change adds 1 to the `seq` of its row, beginning with the INSERT that sets it to 1. */
export class CountedLoad {
  readonly changes: number
  private readonly server: SqlServer
  private readonly rows: number
  private readonly pauseMs: number

  /** `pauseMs`: rest of a session between two transactions. */
  constructor(server: SqlServer, options: { changes: number; rows: number; pauseMs: number }) {
    this.server = server
    this.rows = options.rows
    this.pauseMs = options.pauseMs
    this.changes = Math.ceil(options.changes / options.rows) * options.rows
  }

  async prepare(): Promise<void> {
    await this.server.query('CREATE DATABASE IF NOT EXISTS fault')
    await this.server.query(`DROP TABLE IF EXISTS ${TABLE}`)
    await this.server.query(`CREATE TABLE ${TABLE} (id INT PRIMARY KEY, seq INT NOT NULL, pad VARCHAR(200))`)
  }

  /** Resolves when everything is committed. */
  async run(): Promise<void> {
    const rows = Array.from({ length: this.rows }, (_, id) => `(${id}, 1, REPEAT('x', 100))`)
    await this.server.query(`INSERT INTO ${TABLE} VALUES ${rows.join(',')}`)
    const share = this.rows / SESSIONS
    await Promise.all(Array.from({ length: SESSIONS }, (_, i) => this.session(i * share, (i + 1) * share)))
  }

  /** Row → number of its changes, as the server has it. */
  async finalState(): Promise<Map<string, number>> {
    const rows = await this.server.query<{ id: number; seq: number }>(`SELECT id, seq FROM ${TABLE}`)
    return new Map(rows.map(({ id, seq }) => [String(id), seq]))
  }

  /** Sessions share no row, so none waits for another. */
  private async session(from: number, to: number): Promise<void> {
    const connection = await this.server.connect()
    for (let round = this.changes / this.rows - 1; round > 0; round--) {
      for (let id = from; id < to; id += ROWS_PER_TRANSACTION) {
        const last = Math.min(to, id + ROWS_PER_TRANSACTION) - 1
        await connection.query(`UPDATE ${TABLE} SET seq = seq + 1 WHERE id BETWEEN ${id} AND ${last} ORDER BY id`)
        if (this.pauseMs > 0) await delay(this.pauseMs)
      }
    }
    await connection.end()
  }
}
