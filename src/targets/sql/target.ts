import { createPool } from 'mysql2/promise'
import type { Pool, PoolConnection } from 'mysql2/promise'
import type { DeliveryFailure, Job, SendResult, Target } from '../../model/action.ts'
import { classify, SQL_ERRORS } from '../failure/classify.ts'
import { codeOf, deliveryFailure, reasonOf } from '../failure/failure.ts'
import { sendInOrder, WITHHELD } from '../failure/in-order.ts'
import { printableAddress } from '../plan/target-id.ts'
import { tlsHint } from '../failure/tls-hint.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { AnswerGuards } from './answer-guard.ts'
import { poolOptions } from './connection-options.ts'
import type { SqlActionOptions, SqlPayload, SqlTargetOptions } from './options.ts'

const MAX_BATCH = 500
/** mysql2's own timeout, which names itself, is to be the first. */
const GRACE_MS = 500
const CLOSE_MS = 2_000

/** Prepared statements; the events of a send in one transaction, and where that fails one by one to find the culprit. */
export class SqlTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #pool: Pool
  readonly #answers = new AnswerGuards()
  readonly #address: string
  readonly #mayDeliver: () => boolean

  constructor(options: SqlTargetOptions, mayDeliver: () => boolean = () => true) {
    this.#mayDeliver = mayDeliver
    this.#address = printableAddress(options.url)
    this.maxConcurrency = options.connections
    this.#pool = createPool(poolOptions(options))
    this.#pool.on('connection', (connection) => this.#answers.add(connection))
  }

  async send(jobs: readonly Job[]): Promise<SendResult> {
    let connection: PoolConnection
    try {
      connection = await this.#pool.getConnection()
    } catch (error) {
      const failure = this.#failure(error)
      return jobs.map(() => failure)
    }
    try {
      return await this.#sendOn(connection, jobs)
    } finally {
      connection.release()
    }
  }

  async #sendOn(connection: PoolConnection, jobs: readonly Job[]): Promise<SendResult> {
    if (jobs.length > 1) {
      const failure = await this.#transaction(connection, jobs)
      if (failure === null) return undefined
      if (failure.kind === 'down') return jobs.map(() => failure)
    }
    return sendInOrder(jobs, (job) => this.#executeAlone(connection, job), this.#mayDeliver)
  }

  async #executeAlone(connection: PoolConnection, job: Job): Promise<DeliveryFailure | null> {
    try {
      await this.#execute(connection, job)
      return null
    } catch (error) {
      return this.#failed(connection, error)
    }
  }

  async #transaction(connection: PoolConnection, jobs: readonly Job[]): Promise<DeliveryFailure | null> {
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
  async #execute(connection: PoolConnection, job: Job): Promise<void> {
    const { statement } = job.action.options as SqlActionOptions
    const { timeoutMs } = job.action
    const values = [...(job.payload as SqlPayload)]
    this.#answers.asked(connection.connection)
    await withDeadline(connection.execute({ sql: statement, timeout: timeoutMs }, values), timeoutMs + GRACE_MS)
  }

  /** A connection on which something went wrong with the connection itself is not used again. */
  #failed(connection: PoolConnection, error: unknown): DeliveryFailure {
    const failure = this.#failure(error)
    if (failure.kind === 'down') connection.destroy()
    return failure
  }

  #failure(error: unknown): DeliveryFailure {
    const code = codeOf(error) ?? ''
    const kind = classify(SQL_ERRORS, code)
    // The server's message may quote values; its code says enough.
    const reason = code.startsWith('ER_') ? code : reasonOf(error)
    const bingoCode = kind === 'down' ? 'BINGO_SQL_UNREACHABLE' : 'BINGO_SQL_REFUSED'
    return deliveryFailure(kind, bingoCode, `MySQL at ${this.#address}: ${reason}`, {
      hint: tlsHint(error),
      cause: error,
    })
  }

  async close(): Promise<void> {
    // It takes leave of every connection, and would wait for ever for a server that has gone silent.
    await withDeadline(this.#pool.end(), CLOSE_MS).catch(() => undefined)
  }
}
