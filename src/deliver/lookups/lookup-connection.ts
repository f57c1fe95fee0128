import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import type { Pool, PoolConnection, PoolOptions } from 'mysql2/promise'
import { openPool } from '../../clients/mysql.ts'
import type { DeliveryFailure } from '../../model/rule/action.ts'
import type { LookupParams } from '../../model/rule/lookup.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { connectionConfig } from '../../sources/mysql/server/login/connection-config.ts'
import { printAddress, type SourceAddress } from '../../sources/mysql/source-address.ts'
import { printableAddress } from '../../targets/plan/target-id.ts'
import { AnswerGuards } from '../../targets/sql/answer-guard.ts'
import { poolOptions } from '../../targets/sql/connection-options.ts'
import { sqlFailure } from '../../targets/sql/failure.ts'
import type { SqlTargetOptions } from '../../targets/sql/options.ts'
import { isReadFromBytes } from './answer-values.ts'
import type { AnswerField } from './answer-values.ts'

const CONNECT_TIMEOUT_MS = 5_000
const CLOSE_MS = 2_000
/** mysql2's own timeout, which names itself, is to be the first. */
const GRACE_MS = 500

/** Values as close to what the server sends as mysql2 gives them; a JSON of MariaDB is text, as in events. */
const VALUES: PoolOptions = { dateStrings: true, supportBigNumbers: true, bigNumberStrings: false, jsonStrings: true }

/** The server to ask: that of an address in a rule, or the one that the daemon reads. */
export type LookupServer =
  | { readonly tag: 'url'; readonly options: SqlTargetOptions }
  | { readonly tag: 'source'; readonly address: SourceAddress; readonly connections: number }

/** Rows as the server gives them, in the order of the columns. */
export interface Answer {
  readonly fields: readonly AnswerField[]
  readonly rows: readonly (readonly unknown[])[]
}

/** A few connections that read: sessions are read-only and in UTC. */
export class LookupConnection {
  readonly #pool: Pool
  readonly #address: string
  readonly #answers = new AnswerGuards()
  readonly #prepared = new WeakSet<object>()

  constructor(server: LookupServer) {
    this.#address = server.tag === 'url' ? printableAddress(server.options.url) : printAddress(server.address)
    this.#pool = openPool({ ...optionsOf(server), ...VALUES })
    this.#pool.on('connection', (connection) => this.#answers.add(connection))
  }

  /** Rejects with what the server or the connection says; see `failure`. */
  async ask(sql: string, values: LookupParams, timeoutMs: number): Promise<Answer> {
    const connection = await withDeadline(this.#pool.getConnection(), CONNECT_TIMEOUT_MS + timeoutMs)
    try {
      await this.#prepare(connection, timeoutMs)
      this.#answers.asked(connection.connection)
      const query = { sql, timeout: timeoutMs, rowsAsArray: true, typeCast }
      const [rows, fields] = await withDeadline(connection.execute(query, [...values]), timeoutMs + GRACE_MS)
      connection.release()
      return { rows: rows as unknown as Answer['rows'], fields: fields as readonly AnswerField[] }
    } catch (error) {
      // A refused question leaves the connection as it is; whatever else happened may not.
      if (isAnswer(error)) connection.release()
      else connection.destroy()
      throw error
    }
  }

  /** Columns of the statement, which is prepared and not run. Rejects as `ask`. */
  async describe(sql: string, timeoutMs: number): Promise<void> {
    const connection = await withDeadline(this.#pool.getConnection(), CONNECT_TIMEOUT_MS + timeoutMs)
    try {
      await withDeadline(connection.prepare(sql), timeoutMs)
    } finally {
      connection.destroy()
    }
  }

  failure(error: unknown): DeliveryFailure {
    return sqlFailure(this.#address, error)
  }

  async close(): Promise<void> {
    await withDeadline(this.#pool.end(), CLOSE_MS).catch(() => undefined)
  }

  async #prepare(connection: PoolConnection, timeoutMs: number): Promise<void> {
    if (this.#prepared.has(connection.connection)) return
    this.#answers.asked(connection.connection)
    await withDeadline(connection.query("SET time_zone = '+00:00'"), timeoutMs)
    await withDeadline(connection.query('SET SESSION TRANSACTION READ ONLY'), timeoutMs)
    this.#prepared.add(connection.connection)
  }
}

interface CastField {
  readonly type: string
  buffer(): Buffer | null
}

function typeCast(field: CastField, next: () => unknown): unknown {
  return isReadFromBytes(field.type) ? field.buffer() : next()
}

function optionsOf(server: LookupServer): PoolOptions {
  if (server.tag === 'url') return poolOptions(server.options)
  const { address, connections } = server
  const config = { ...connectionConfig(address, CONNECT_TIMEOUT_MS), connectionLimit: connections, timezone: 'Z' }
  if (address.tls.mode !== 'verify-full' || isIP(address.host) === 0 || address.socketPath !== undefined) return config
  return { ...config, ssl: { ...(config.ssl as object), verifyIdentity: true }, stream: () => socketTo(address) }
}

/** mysql2 compares a certificate with "localhost" where the host is an address; Node.js takes what to check from the socket. */
function socketTo({ host, port }: SourceAddress): Socket {
  const socket: Socket & { _host?: string } = connect(port, host)
  socket._host = host
  return socket
}

/** The server refuses the statement; the connection itself is sound. */
function isAnswer(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'sqlState' in error && !('fatal' in error && error.fatal === true)
  )
}
