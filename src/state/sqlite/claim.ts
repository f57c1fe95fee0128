import { hostname } from 'node:os'
import type { DatabaseSync } from 'node:sqlite'
import { inUnsyncedTransaction } from '../../clients/sqlite/durable.ts'
import { whenFree } from '../../clients/sqlite/free.ts'
import { inSharedTransaction } from '../../clients/sqlite/sqlite.ts'
import type { Clock, Timer } from '../../model/clock.ts'
import { inUse, isRunning, thisProcess } from './owner.ts'
import type { Owner } from './owner.ts'

/** The owner touches its row this often … */
const TOUCH_MS = 3_000
/** … and one of another host that was not touched for so long, while somebody watched, is abandoned. */
const ABANDONED_MS = 12_000
const POLL_MS = 500

interface Row extends Owner {
  readonly touchedAt: number
}

/**
 * The claim of one process on a state file: a row that every save of the checkpoint looks at in its own transaction. On the
 * same host the owner's process id is checked, so a killed daemon leaves nothing to clean up. For another host (two
 * containers, one volume) the row has to stay untouched while we watch, by our own clock.
 */
export class Claim {
  readonly #database: DatabaseSync
  readonly #nonce: string
  readonly #clock: Clock
  readonly #touching: Timer

  private constructor(database: DatabaseSync, nonce: string, clock: Clock) {
    this.#database = database
    this.#nonce = nonce
    this.#clock = clock
    this.#touching = clock.every(TOUCH_MS, () => void this.#touch())
  }

  /** Rejects with BINGO_CHECKPOINT_LOCKED while a live process has it. */
  static async take(database: DatabaseSync, path: string, clock: Clock): Promise<Claim> {
    const owner = thisProcess()
    let watched: { readonly row: Row; readonly sinceMs: number } | null = null
    const deadlineMs = clock.monotonicMs() + ABANDONED_MS + 2 * POLL_MS
    for (;;) {
      const abandoned = isAbandoned(watched, clock) ? (watched?.row ?? null) : null
      const holder = await tryTake(database, owner, abandoned, clock)
      if (holder === null) return new Claim(database, owner.nonce, clock)
      if (holder.host === owner.host || clock.monotonicMs() > deadlineMs) throw inUse(path, holder)
      if (watched === null || !isSame(watched.row, holder)) watched = { row: holder, sinceMs: clock.monotonicMs() }
      await clock.sleep(POLL_MS)
    }
  }

  /** False once somebody else has taken it. To be asked inside of the transaction that depends on it. */
  get held(): boolean {
    return this.#database.prepare('SELECT nonce FROM owner').get()?.['nonce'] === this.#nonce
  }

  async release(): Promise<void> {
    this.#touching.cancel()
    const remove = () => this.#database.prepare('DELETE FROM owner WHERE nonce = ?').run(this.#nonce)
    await whenFree(this.#database, remove, this.#clock)
  }

  /** Ends the touching, where the row cannot be removed. */
  abandon(): void {
    this.#touching.cancel()
  }

  async #touch(): Promise<void> {
    try {
      const touch = this.#database.prepare('UPDATE owner SET touched_at = ? WHERE nonce = ?')
      // Nobody asks for it after a loss of power: this process has ended then.
      await inUnsyncedTransaction(this.#database, () => touch.run(Date.now(), this.#nonce), this.#clock)
    } catch {
      // It matters only when another host asks; then the next save finds out.
    }
  }
}

/** Null: taken. Otherwise who has it. `abandoned`: it is taken from this one. */
function tryTake(database: DatabaseSync, owner: Owner, abandoned: Row | null, clock: Clock): Promise<Row | null> {
  const take = (): Row | null => {
    const row = database.prepare('SELECT pid, host, started, nonce, touched_at AS touchedAt FROM owner').get()
    const holder = (row as unknown as Row | undefined) ?? null
    if (holder !== null && !isDead(holder) && !(abandoned !== null && isSame(abandoned, holder))) return holder
    const { pid, host, started, nonce } = owner
    database.prepare('REPLACE INTO owner VALUES (1, ?, ?, ?, ?, ?)').run(pid, host, started, nonce, Date.now())
    return null
  }
  return inSharedTransaction(database, take, clock)
}

function isDead(holder: Row): boolean {
  return holder.host === hostname() && !isRunning(holder)
}

function isAbandoned(watched: { readonly sinceMs: number } | null, clock: Clock): boolean {
  return watched !== null && clock.monotonicMs() - watched.sinceMs >= ABANDONED_MS
}

function isSame(one: Row, other: Row): boolean {
  return one.nonce === other.nonce && one.touchedAt === other.touchedAt
}
