import { existsSync, readFileSync } from 'node:fs'
import { isNotADatabase, NewerFormatError, openSqliteReadOnly, versionOf } from '../../clients/sqlite/sqlite.ts'
import { BingoError } from '../../model/errors.ts'
import type { Lease } from '../../model/state/lease.ts'
import type { StateStore, Versioned } from '../../model/state/state.ts'
import { stateFileError } from '../sqlite/errors.ts'
import { STATE_FORMAT } from '../sqlite/schema.ts'
import { CHECKPOINT_KEY, unreachable } from './record.ts'

/**
 * Looks into a state file, beside a running daemon or without one: claims, makes and migrates nothing. It reads the JSON
 * checkpoint of an older BinGo as well.
 */
export class PeekState implements StateStore {
  readonly description: string
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    this.description = `file:${path}`
  }

  async load(key: string): Promise<Versioned | null> {
    try {
      return read(this.#path, key)
    } catch (error) {
      const found = stateFileError(this.#path, error)
      throw found instanceof BingoError ? found : unreachable(this.description, found)
    }
  }

  save(): Promise<boolean> {
    return Promise.reject(new Error(`${this.description} is open read-only`))
  }

  lease(): Lease {
    throw new Error(`${this.description} is open read-only`)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function read(path: string, key: string): Versioned | null {
  if (!existsSync(path)) return null
  try {
    return readDatabase(path, key)
  } catch (error) {
    if (!isNotADatabase(error)) throw error
    return key === CHECKPOINT_KEY ? { value: readFileSync(path, 'utf8').trimEnd(), version: 1 } : null
  }
}

function readDatabase(path: string, key: string): Versioned | null {
  using database = openSqliteReadOnly(path)
  const version = versionOf(database)
  if (version > STATE_FORMAT.version) throw new NewerFormatError(path, version, STATE_FORMAT.version)
  // An older file has dead letters only; an empty one was made by a start that was killed right then.
  if (version < STATE_FORMAT.version) return null
  const row = database.prepare('SELECT value, version FROM state WHERE key = ?').get(key)
  return row === undefined ? null : { value: String(row['value']), version: Number(row['version']) }
}
