import type { DatabaseSync } from 'node:sqlite'
import { inDurableTransaction } from '../../clients/sqlite/durable.ts'
import { systemClock } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Lease } from '../../model/state/lease.ts'
import type { StateStore, Versioned } from '../../model/state/state.ts'
import { stateUnreachable } from '../errors.ts'
import { newHolder } from '../lease/holder.ts'
import { Claim } from './claim.ts'
import { stateFileError } from './errors.ts'
import { SqliteLease } from './lease.ts'
import type { StateFile } from './state-file.ts'

export interface SqliteStateOptions {
  /** One process at a time: the first use claims the file, and rejects with BINGO_CHECKPOINT_LOCKED where it is another's. */
  readonly exclusive: boolean
  /** A save puts a text on the path that is not a checkpoint of this instance aside. */
  readonly replaceText?: boolean
  readonly clock?: Clock
}

/** State in an embedded database file. A value is on disk before `save` resolves. */
export class SqliteStateStore implements StateStore {
  readonly description: string
  readonly #file: StateFile
  readonly #options: SqliteStateOptions
  readonly #clock: Clock
  #claim: Promise<Claim> | null = null

  /** Owns `file`: `close` closes it. */
  constructor(file: StateFile, options: SqliteStateOptions) {
    this.#file = file
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.description = `file:${file.path}`
  }

  load(key: string): Promise<Versioned | null> {
    return this.#run(false, (database) => {
      const row = database.prepare('SELECT version, value FROM state WHERE key = ?').get(key)
      return row === undefined ? null : { value: row['value'] as string, version: row['version'] as number }
    })
  }

  save(key: string, value: string, ifVersion: number | null): Promise<boolean> {
    return this.#run(true, (database, claim) =>
      inDurableTransaction(
        database,
        () => {
          if (claim?.held === false) throw claimLost(this.description)
          return write(database, key, value, ifVersion ?? 0)
        },
        this.#clock,
      ),
    )
  }

  lease(name: string, ttlMs: number): Lease {
    return new SqliteLease(() => this.#file.open(), {
      name,
      holder: newHolder(),
      ttlMs,
      clock: this.#clock,
      place: this.description,
    })
  }

  async close(): Promise<void> {
    const claim = await this.#claim?.catch(() => null)
    this.#claim = null
    try {
      await claim?.release()
    } catch {
      // The process ends, and with it the claim.
      claim?.abandon()
    }
    this.#file.close()
  }

  async #run<T>(saving: boolean, work: (database: DatabaseSync, claim: Claim | null) => T | Promise<T>): Promise<T> {
    try {
      const database = await this.#file.open(saving && this.#options.replaceText === true)
      return await work(database, this.#options.exclusive ? await this.#claimed(database) : null)
    } catch (error) {
      throw stateUnreachable(this.description, stateFileError(this.#file.path, error))
    }
  }

  #claimed(database: DatabaseSync): Promise<Claim> {
    this.#claim ??= Claim.take(database, this.#file.path, this.#clock).catch((error: unknown) => {
      this.#claim = null
      throw error
    })
    return this.#claim
  }
}

function write(database: DatabaseSync, key: string, value: string, version: number): boolean {
  const stored = database.prepare('SELECT version, value FROM state WHERE key = ?').get(key)
  const found = (stored?.['version'] as number | undefined) ?? 0
  if (found !== version) return found === version + 1 && stored?.['value'] === value
  database
    .prepare(
      'INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, value = excluded.value',
    )
    .run(key, version + 1, value)
  return true
}

function claimLost(place: string): BingoError {
  return new BingoError(
    'BINGO_CHECKPOINT_FENCED',
    `Another process has taken over the state in ${place}; this one stops`,
    {
      hint: 'Run one instance per `name`, or give the second one its own `name`.',
    },
  )
}
