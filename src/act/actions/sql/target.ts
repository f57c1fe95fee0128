import { createPool } from 'mysql2/promise'
import type { Pool, PoolConnection } from 'mysql2/promise'
import type { DeliveryFailure, Job, SendResult, Target } from '../../../core/action.ts'
import { classify, SQL_ERRORS } from '../../classify.ts'
import { codeOf, deliveryFailure, reasonOf } from '../../failure.ts'
import { sendInOrder, WITHHELD } from '../../in-order.ts'
import { printableAddress } from '../../target-id.ts'
import { readTls } from '../../tls-files.ts'
import type { SqlActionOptions, SqlPayload, SqlTargetOptions } from './options.ts'

const MAX_BATCH = 500
const CONNECT_TIMEOUT_MS = 5_000

/** Prepared statements; the events of a send in one transaction, and where that fails one by one to find the culprit. */
export class SqlTarget implements Target {
  readonly gather = 'lane'
  readonly maxBatch = MAX_BATCH
  readonly maxConcurrency: number
  readonly #pool: Pool
  readonly #address: string
  readonly #mayDeliver: () => boolean

  constructor(options: SqlTargetOptions, mayDeliver: () => boolean = () => true) {
    this.#mayDeliver = mayDeliver
    this.#address = printableAddress(options.url)
    this.maxConcurrency = options.connections
    this.#pool = createPool({
      uri: options.url,
      connectionLimit: options.connections,
      connectTimeout: CONNECT_TIMEOUT_MS,
      enableKeepAlive: true,
      charset: 'utf8mb4',
      timezone: 'Z',
      ...(options.tls && { ssl: readTls(options.tls) }),
    })
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
      await execute(connection, job)
      return null
    } catch (error) {
      return this.#failed(connection, error)
    }
  }

  async #transaction(connection: PoolConnection, jobs: readonly Job[]): Promise<DeliveryFailure | null> {
    try {
      await connection.beginTransaction()
      for (const job of jobs) await execute(connection, job)
      if (!this.#mayDeliver()) {
        await connection.rollback()
        return WITHHELD
      }
      await connection.commit()
      return null
    } catch (error) {
      const failure = this.#failed(connection, error)
      if (failure.kind === 'down') return failure
      try {
        await connection.rollback()
        return failure
      } catch (rollbackError) {
        return this.#failed(connection, rollbackError)
      }
    }
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
    return deliveryFailure(kind, bingoCode, `MySQL at ${this.#address}: ${reason}`, { cause: error })
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

async function execute(connection: PoolConnection, job: Job): Promise<void> {
  const { statement } = job.action.options as SqlActionOptions
  const values = [...(job.payload as SqlPayload)]
  await connection.execute({ sql: statement, timeout: job.action.timeoutMs }, values)
}
