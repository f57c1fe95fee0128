import { openPool } from '../../clients/mysql.ts'
import type { Pool, PoolConnection, RowDataPacket } from 'mysql2/promise'
import type { DeliveryFailure, Sendable, SendResult, Target } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { sendInOrder, WITHHELD } from '../failure/in-order.ts'
import { ConnectionAge } from '../plan/connection-age.ts'
import { printableAddress } from '../plan/target-id.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { AnswerGuards } from './answer-guard.ts'
import { poolOptions } from './connection-options.ts'
import { sqlFailure, TooLargeError } from './failure.ts'
import type { SqlActionOptions, SqlPayload, SqlTargetOptions } from './options.ts'

const MAX_BATCH = 500
/** mysql2's own timeout, which names itself, is to be the first. */
const GRACE_MS = 500
const CLOSE_MS = 2_000
/** Of a packet, beside its values; more than it costs. */
const PACKET_OVERHEAD = 64
const VALUE_OVERHEAD = 12

interface MaxPacketRow extends RowDataPacket {
  readonly bytes: number
}

/** Prepared statements; the events of a send in one transaction, and where that fails one by one to find the culprit. */
export class SqlTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #pool: Pool
  readonly #answers = new AnswerGuards()
  /** Connections that are set up, with the most bytes that their server takes. */
  readonly #prepared = new WeakMap<object, { readonly maxBytes: number; readonly age: ConnectionAge }>()
  readonly #maxConnectionAgeMs: number
  readonly #address: string
  readonly #mayDeliver: () => boolean

  constructor(options: SqlTargetOptions, mayDeliver: () => boolean = () => true) {
    this.#mayDeliver = mayDeliver
    this.#address = printableAddress(options.url)
    this.maxConcurrency = options.connections
    this.#maxConnectionAgeMs = options.maxConnectionAgeMs
    this.#pool = openPool(poolOptions(options))
    this.#pool.on('connection', (connection) => this.#answers.add(connection))
  }

  async send(jobs: readonly Sendable[]): Promise<SendResult> {
    let connection: PoolConnection
    try {
      connection = await this.#connection()
    } catch (error) {
      const failure = this.#failure(error)
      return jobs.map(() => failure)
    }
    try {
      const failure = await this.#prepare(connection, jobs[0]!.action.timeoutMs)
      if (failure !== null) return jobs.map(() => failure)
      return await this.#sendOn(connection, jobs)
    } finally {
      connection.release()
    }
  }

  /** None that is too old: it may lead to a server whose name belongs to another one by now. */
  async #connection(): Promise<PoolConnection> {
    for (;;) {
      const connection = await this.#pool.getConnection()
      if (this.#prepared.get(connection.connection)?.age.isOver !== true) return connection
      connection.destroy()
    }
  }

  /** Prepares the statement, which finds missing tables and columns, and changes nothing. */
  async check({ options, timeoutMs }: Pick<ActionPlan, 'options' | 'timeoutMs'>): Promise<DeliveryFailure | null> {
    let connection: PoolConnection | undefined
    try {
      connection = await withDeadline(this.#pool.getConnection(), timeoutMs)
      await withDeadline(connection.prepare((options as SqlActionOptions).statement), timeoutMs)
      return null
    } catch (error) {
      return this.#failure(error)
    } finally {
      connection?.destroy()
    }
  }

  /** Once per connection: times are in UTC, as events have them, and the server says how large a message may be. */
  async #prepare(connection: PoolConnection, timeoutMs: number): Promise<DeliveryFailure | null> {
    if (this.#prepared.has(connection.connection)) return null
    try {
      this.#answers.asked(connection.connection)
      await withDeadline(connection.query("SET time_zone = '+00:00'"), timeoutMs)
      const asking = connection.query<MaxPacketRow[]>('SELECT @@max_allowed_packet AS bytes')
      const [rows] = await withDeadline(asking, timeoutMs)
      this.#prepared.set(connection.connection, {
        maxBytes: Number(rows[0]?.bytes ?? Infinity),
        age: new ConnectionAge(this.#maxConnectionAgeMs),
      })
      return null
    } catch (error) {
      connection.destroy()
      const { error: reason, kind } = this.#failure(error)
      return { kind: kind === 'poison' ? 'down' : kind, error: reason }
    }
  }

  async #sendOn(connection: PoolConnection, jobs: readonly Sendable[]): Promise<SendResult> {
    if (jobs.length > 1) {
      const failure = await this.#transaction(connection, jobs)
      if (failure === null) return undefined
      if (failure.kind === 'down') return jobs.map(() => failure)
    }
    return sendInOrder(jobs, (job) => this.#executeAlone(connection, job), this.#mayDeliver)
  }

  async #executeAlone(connection: PoolConnection, job: Sendable): Promise<DeliveryFailure | null> {
    try {
      await this.#execute(connection, job)
      return null
    } catch (error) {
      return this.#failed(connection, error)
    }
  }

  async #transaction(connection: PoolConnection, jobs: readonly Sendable[]): Promise<DeliveryFailure | null> {
    const { timeoutMs } = jobs[0]!.action
    try {
      await withDeadline(connection.beginTransaction(), timeoutMs)
      for (const job of jobs) await this.#execute(connection, job)
      if (!this.#mayDeliver()) {
        await withDeadline(connection.rollback(), timeoutMs)
        return WITHHELD
      }
      await withDeadline(connection.commit(), timeoutMs)
      return null
    } catch (error) {
      const failure = this.#failed(connection, error)
      if (failure.kind === 'down') return failure
      try {
        await withDeadline(connection.rollback(), timeoutMs)
        return failure
      } catch (rollbackError) {
        return this.#failed(connection, rollbackError)
      }
    }
  }

  /** The deadline is ours too: mysql2's does not count while a statement is being prepared. */
  async #execute(connection: PoolConnection, job: Sendable): Promise<void> {
    const { statement } = job.action.options as SqlActionOptions
    const { timeoutMs } = job.action
    const values = [...(job.payload as SqlPayload)]
    const maxBytes = this.#prepared.get(connection.connection)?.maxBytes ?? Infinity
    if (bytesOf(values) > maxBytes) throw new TooLargeError(maxBytes)
    this.#answers.asked(connection.connection)
    await withDeadline(connection.execute({ sql: statement, timeout: timeoutMs }, values), timeoutMs + GRACE_MS)
  }

  /** A connection on which something went wrong with the connection itself is not used again. */
  #failed(connection: PoolConnection, error: unknown): DeliveryFailure {
    const failure = this.#failure(error)
    if (failure.kind === 'down' || isFatal(error)) connection.destroy()
    return failure
  }

  #failure(error: unknown): DeliveryFailure {
    return sqlFailure(this.#address, error)
  }

  async close(): Promise<void> {
    // It takes leave of every connection, and would wait for ever for a server that has gone silent.
    await withDeadline(this.#pool.end(), CLOSE_MS).catch(() => undefined)
  }
}

/**
 * Of an execution. A server that gets more than max_allowed_packet closes the connection while we still write, which would
 * look as if it were gone.
 */
function bytesOf(values: SqlPayload): number {
  let bytes = PACKET_OVERHEAD
  for (const value of values) bytes += VALUE_OVERHEAD + (typeof value === 'string' ? Buffer.byteLength(value) : 0)
  return bytes
}

/** mysql2's word for an error that has ended its connection. */
function isFatal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true
}
