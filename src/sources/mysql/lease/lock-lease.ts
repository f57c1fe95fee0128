import { createHash } from 'node:crypto'
import { BingoError } from '../../../model/errors.ts'
import type { LeaseAnswer, Lease } from '../../../model/state/lease.ts'
import type { SourceAddress } from '../source-address.ts'
import { printAddress } from '../source-address.ts'
import { ControlConnection } from '../server/login/control-connection.ts'

/** MySQL takes lock names of up to 64 characters, in any letter case. */
const MAX_LOCK_NAME = 64

/**
 * GET_LOCK on the source, held by a connection of its own. The server drops that connection, and the lock with it, when
 * it hears nothing for a term (wait_timeout): so it ends by itself like any lease. Needs no privilege.
 */
export class LockLease implements Lease {
  readonly description: string
  readonly #connection: ControlConnection
  readonly #lock: string
  readonly #ttlMs: number

  constructor(address: SourceAddress, name: string, ttlMs: number) {
    this.#connection = new ControlConnection(address, { connectTimeoutMs: ttlMs, queryTimeoutMs: ttlMs })
    this.#lock = lockName(name)
    this.#ttlMs = ttlMs
    this.description = `GET_LOCK('${this.#lock}') on ${printAddress(address)}`
  }

  async ask(): Promise<LeaseAnswer> {
    const [state] = await this.#connection.query('SELECT IS_USED_LOCK(?) AS holder, CONNECTION_ID() AS me', [
      this.#lock,
    ])
    const { holder, me } = state as { holder: number | null; me: number }
    if (holder === me) return { tag: 'held' }
    if (holder !== null) return this.#other(holder)
    const idleSeconds = Math.ceil(this.#ttlMs / 1_000)
    await this.#connection.query('SET SESSION wait_timeout = ?', [idleSeconds])
    const [taken] = await this.#connection.query('SELECT GET_LOCK(?, 0) AS got, @@SESSION.wait_timeout AS idle', [
      this.#lock,
    ])
    const { got, idle } = taken as { got: number | null; idle: number }
    if (got === 1 && idle === idleSeconds) return { tag: 'taken', after: 'silence' }
    if (got !== 1) return this.#other(null)
    // The connection was lost in between; on the new one the lock would outlive a holder that is paused.
    this.#connection.close()
    throw new BingoError(
      'BINGO_LEASE_UNREACHABLE',
      `The connection that holds the lease ${this.description} was lost`,
      {
        retryable: true,
      },
    )
  }

  /** Ends the connection, which frees the lock. */
  async release(): Promise<void> {
    await this.#connection.query('SELECT RELEASE_LOCK(?)', [this.#lock])
  }

  async close(): Promise<void> {
    this.#connection.close()
  }

  #other(connection: number | null): LeaseAnswer {
    const holder = connection === null ? 'another connection' : `connection ${connection}`
    return { tag: 'other', holder: `${holder} of the source`, remainingMs: this.#ttlMs }
  }
}

function lockName(name: string): string {
  const plain = `bingo:${name}`
  // Names that differ in letter case only are two instances, but would be one lock.
  if (plain.length <= MAX_LOCK_NAME && plain === plain.toLowerCase()) return plain
  return `bingo:${createHash('sha256').update(name).digest('hex').slice(0, 40)}`
}
