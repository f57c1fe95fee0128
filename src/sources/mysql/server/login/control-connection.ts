import mysql, { type Connection } from 'mysql2'
import { systemClock, type Clock, type Timer } from '../../../../model/clock.ts'
import type { SourceAddress } from '../../source-address.ts'
import { connectionConfig, verifyIpIdentity } from './connection-config.ts'
import { classifyError } from './source-error.ts'

/** Most that one question may bring: the longest answer, of all columns of a table, has some MB (invariant 6). */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024

export type SqlRow = { readonly [column: string]: unknown }

export interface ControlTimeouts {
  readonly connectTimeoutMs: number
  readonly queryTimeoutMs: number
}

/**
 * The connection for questions (variables, positions, grants, columns). Opened for the first question, and again after a
 * failure. A server that does not answer in time loses it, so that a dead peer never stalls anything.
 */
export class ControlConnection {
  #address: SourceAddress
  readonly #timeouts: ControlTimeouts
  readonly #clock: Pick<Clock, 'after'>
  /** Questions without an answer yet: mysql2 forgets them when a connection is destroyed. */
  readonly #asked = new Set<(error: Error) => void>()
  #connection: Connection | null = null
  /** The connection whose login succeeded: mysql2 accepts questions for one whose login failed, and never calls back. */
  #loggedIn: Connection | null = null
  /** Until when the server owes the next answer. mysql2 counts from when it sends a question, which it may never do. */
  #deadline: Timer | null = null
  #answerBytes = 0

  constructor(address: SourceAddress, timeouts: ControlTimeouts, clock: Pick<Clock, 'after'> = systemClock) {
    this.#address = address
    this.#timeouts = timeouts
    this.#clock = clock
  }

  /** Throws a classified BingoError. */
  async query(sql: string, params: readonly unknown[] = []): Promise<readonly SqlRow[]> {
    const connection = (this.#connection ??= this.#open())
    const { promise, resolve, reject } = Promise.withResolvers<readonly SqlRow[]>()
    this.#asked.add(reject)
    this.#answerBytes = 0
    if (this.#asked.size === 1) this.#awaitAnswer(connection)
    connection.query({ sql }, [...params], (error, rows) => {
      if (error) reject(error)
      else resolve(Array.isArray(rows) ? (rows as SqlRow[]) : [])
    })
    try {
      return await promise
    } catch (error) {
      // What is said before the login is a refusal of the connection, not an answer to the question.
      if (this.#loggedIn !== connection || !isAnswer(error)) this.#drop(connection)
      throw classifyError(error, this.#address)
    } finally {
      this.#asked.delete(reject)
      if (this.#connection === connection) this.#awaitAnswer(connection)
    }
  }

  /** From the next question on another server is asked. */
  moveTo(address: SourceAddress): void {
    if (address === this.#address) return
    this.close()
    this.#address = address
  }

  /** Drops the connection; what was asked is rejected (retryable). The next question opens another one. */
  close(): void {
    if (this.#connection) this.#drop(this.#connection)
  }

  #open(): Connection {
    const connection = mysql.createConnection(connectionConfig(this.#address, this.#timeouts.connectTimeoutMs))
    verifyIpIdentity(connection, this.#address)
    connection.on('error', () => {
      this.#drop(connection)
    })
    // Not before: with TLS it is another stream by then.
    connection.on('connect', () => {
      this.#loggedIn = connection
      streamOf(connection).on('data', (chunk) => this.#boundAnswer(connection, chunk.length))
    })
    return connection
  }

  /** Starts to count for the next answer that is due. */
  #awaitAnswer(connection: Connection): void {
    this.#deadline?.cancel()
    if (this.#asked.size === 0) return
    const { connectTimeoutMs, queryTimeoutMs } = this.#timeouts
    const ms = this.#loggedIn === connection ? queryTimeoutMs : connectTimeoutMs + queryTimeoutMs
    this.#deadline = this.#clock.after(ms, () => this.#drop(connection, `No answer within ${ms} ms`))
  }

  #boundAnswer(connection: Connection, bytes: number): void {
    this.#answerBytes += bytes
    if (this.#answerBytes > MOST_ANSWER_BYTES) this.#drop(connection, 'The answer to a query does not end')
  }

  #drop(connection: Connection, why = 'The control connection was closed'): void {
    connection.destroy()
    if (this.#connection !== connection) return
    this.#connection = null
    this.#loggedIn = null
    this.#deadline?.cancel()
    const lost = Object.assign(new Error(why), { code: 'PROTOCOL_CONNECTION_LOST' })
    for (const reject of this.#asked) reject(lost)
  }
}

/** mysql2's declarations leave it out. */
function streamOf(connection: unknown): { on(event: 'data', listener: (chunk: Buffer) => void): void } {
  return (connection as { readonly stream: ReturnType<typeof streamOf> }).stream
}

/** The server answered with an error; the connection itself is sound. */
function isAnswer(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'sqlState' in error && !('fatal' in error && error.fatal === true)
  )
}
