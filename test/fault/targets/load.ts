import { setTimeout as delay } from 'node:timers/promises'
import type { SqlServer } from '../../support/servers/mysql.ts'

const TABLE = 'fault.load'
/** Rows that one transaction changes. */
const ROWS_PER_TRANSACTION = 20
const SESSIONS = 2

/** Of a session between two transactions while it writes more than was asked for. */
const OVERTIME_PAUSE_MS = 50

/** Changes that are being written. When it is disposed of, nothing more is written. */
export interface Writing extends AsyncDisposable {
  /** Resolves when everything is committed that was asked for; until then it has gone on. */
  finish(): Promise<void>
}

/** A load of at least a known size: every change adds 1 to the `seq` of its row, beginning with the INSERT that sets it to 1. */
export class CountedLoad {
  private readonly least: number
  private readonly server: SqlServer
  private readonly rows: number
  private readonly pauseMs: number
  private written = 0

  /** `pauseMs`: rest of a session between two transactions. */
  constructor(server: SqlServer, options: { changes: number; rows: number; pauseMs: number }) {
    this.server = server
    this.rows = options.rows
    this.pauseMs = options.pauseMs
    this.least = Math.ceil(options.changes / options.rows) * options.rows
  }

  /** How many it makes in all; it may be more until it has finished. */
  get changes(): number {
    return Math.max(this.least, this.written)
  }

  async prepare(): Promise<void> {
    await this.server.query('CREATE DATABASE IF NOT EXISTS fault')
    await this.server.query(`DROP TABLE IF EXISTS ${TABLE}`)
    await this.server.query(`CREATE TABLE ${TABLE} (id INT PRIMARY KEY, seq INT NOT NULL, pad VARCHAR(200))`)
  }

  /** Resolves when everything is committed. */
  async run(): Promise<void> {
    await using writing = this.start()
    await writing.finish()
  }

  /**
   * Writes what was asked for, and then goes on, slowly, until `finish`: on a busy machine everything may have been
   * delivered before a fault is made, which nothing would meet then.
   */
  start(): Writing {
    let state: 'open' | 'finishing' | 'stopped' = 'open'
    const goesOn = (isDone: boolean): boolean => state === 'open' || (state === 'finishing' && !isDone)
    const written = this.write(goesOn)
    written.catch(() => undefined)
    return {
      finish: () => {
        state = 'finishing'
        return written
      },
      [Symbol.asyncDispose]: async () => {
        state = 'stopped'
        await written.catch(() => undefined)
      },
    }
  }

  /** Row → number of its changes, as the server has it. */
  async finalState(): Promise<Map<string, number>> {
    const rows = await this.server.query<{ id: number; seq: number }>(`SELECT id, seq FROM ${TABLE}`)
    return new Map(rows.map(({ id, seq }) => [String(id), seq]))
  }

  private async write(goesOn: GoesOn): Promise<void> {
    const rows = Array.from({ length: this.rows }, (_, id) => `(${id}, 1, REPEAT('x', 100))`)
    await this.server.query(`INSERT INTO ${TABLE} VALUES ${rows.join(',')}`)
    this.written = this.rows
    const share = this.rows / SESSIONS
    await Promise.all(Array.from({ length: SESSIONS }, (_, i) => this.session(i * share, (i + 1) * share, goesOn)))
  }

  /** Sessions share no row, so none waits for another. */
  private async session(from: number, to: number, goesOn: GoesOn): Promise<void> {
    const connection = await this.server.connect()
    const rounds = this.least / this.rows - 1
    for (let round = 0; goesOn(round >= rounds); round++) {
      for (let id = from; id < to; id += ROWS_PER_TRANSACTION) {
        const last = Math.min(to, id + ROWS_PER_TRANSACTION) - 1
        await connection.query(`UPDATE ${TABLE} SET seq = seq + 1 WHERE id BETWEEN ${id} AND ${last} ORDER BY id`)
        this.written += last - id + 1
        const pauseMs = round < rounds ? this.pauseMs : OVERTIME_PAUSE_MS
        if (pauseMs > 0) await delay(pauseMs)
      }
    }
    await connection.end()
  }
}

type GoesOn = (isDone: boolean) => boolean
