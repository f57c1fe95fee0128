import { isDuplicateKey } from '../../clients/sql/duplicate-key.ts'
import type { Lease } from '../../model/state/lease.ts'
import type { StateStore, Versioned } from '../../model/state/state.ts'
import { stateUnreachable } from '../errors.ts'
import { newHolder } from '../lease/holder.ts'
import type { InstancePlace } from './instance-place.ts'
import { SqlLease } from './lease.ts'
import { columnText, hashOf, textOf } from './texts.ts'

/** State on a database server: one row per key. A save is one statement; an answer that was lost may be asked for again. */
export class SqlStateStore implements StateStore {
  readonly description: string
  readonly #place: InstancePlace

  /** Owns `place`: `close` closes it. */
  constructor(place: InstancePlace) {
    this.#place = place
    this.description = place.description
  }

  load(key: string): Promise<Versioned | null> {
    return this.#told(this.#load(key))
  }

  save(key: string, value: string, ifVersion: number | null): Promise<boolean> {
    return this.#told(this.#save(key, value, ifVersion))
  }

  lease(name: string, ttlMs: number): Lease {
    return new SqlLease(this.#place, { name, holder: newHolder(), ttlMs, shared: true })
  }

  close(): Promise<void> {
    return this.#place.close()
  }

  #load(key: string): Promise<Versioned | null> {
    return this.#place.use(async (session, instance) => {
      const sql = 'SELECT version, value FROM bingo_state WHERE instance = ? AND name_hash = ?'
      const [row] = (await session.run(sql, [instance, hashOf(key)])).rows
      return row === undefined ? null : { value: textOf(row['value']), version: Number(row['version']) }
    })
  }

  async #save(key: string, value: string, ifVersion: number | null): Promise<boolean> {
    const isWritten = await (ifVersion === null ? this.#insert(key, value) : this.#replace(key, value, ifVersion))
    if (isWritten) return true
    const stored = await this.#load(key)
    return stored?.version === (ifVersion ?? 0) + 1 && stored.value === value
  }

  #insert(key: string, value: string): Promise<boolean> {
    return this.#place.use(async (session, instance) => {
      const sql = 'INSERT INTO bingo_state (instance, name_hash, name, version, value) VALUES (?, ?, ?, 1, ?)'
      try {
        await session.run(sql, [instance, hashOf(key), columnText(key), columnText(value)])
        return true
      } catch (error) {
        if (isDuplicateKey(error)) return false
        throw error
      }
    })
  }

  #replace(key: string, value: string, version: number): Promise<boolean> {
    return this.#place.use(async (session, instance) => {
      const sql = 'UPDATE bingo_state SET version = ?, value = ? WHERE instance = ? AND name_hash = ? AND version = ?'
      const { changes } = await session.run(sql, [version + 1, columnText(value), instance, hashOf(key), version])
      return changes > 0
    })
  }

  #told<T>(result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      throw stateUnreachable(this.description, error)
    })
  }
}
