import { existsSync, readFileSync } from 'node:fs'
import { isNotADatabase, NewerFormatError, openSqliteReadOnly, versionOf } from '../../clients/sqlite.ts'
import type { Checkpoint, CheckpointStore } from '../../model/checkpoint.ts'
import { BingoError } from '../../model/errors.ts'
import { stateFileError } from '../sqlite/errors.ts'
import { STATE_FORMAT } from '../sqlite/schema.ts'
import { CHECKPOINT_KEY, parseCheckpoint, unreachable } from './record.ts'

/**
 * Looks at the checkpoint of a state file, beside a running daemon or without one: claims, makes and migrates nothing. It
 * reads the JSON checkpoint of an older BinGo as well.
 */
export class PeekCheckpoints implements CheckpointStore {
  readonly description: string
  readonly #path: string
  readonly #name: string

  constructor(path: string, name: string) {
    this.#path = path
    this.#name = name
    this.description = `file:${path}`
  }

  async load(): Promise<Checkpoint | null> {
    let stored: string | null
    try {
      stored = read(this.#path)
    } catch (error) {
      const found = stateFileError(this.#path, error)
      throw found instanceof BingoError ? found : unreachable(this.description, found)
    }
    return stored === null ? null : parseCheckpoint(stored, this.#name, this.description)
  }

  save(): Promise<void> {
    return Promise.reject(new Error(`${this.description} is open read-only`))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function read(path: string): string | null {
  if (!existsSync(path)) return null
  try {
    return readDatabase(path)
  } catch (error) {
    if (!isNotADatabase(error)) throw error
    return readFileSync(path, 'utf8').trimEnd()
  }
}

function readDatabase(path: string): string | null {
  using database = openSqliteReadOnly(path)
  const version = versionOf(database)
  if (version > STATE_FORMAT.version) throw new NewerFormatError(path, version, STATE_FORMAT.version)
  // An older file has dead letters only; an empty one was made by a start that was killed right then.
  if (version < STATE_FORMAT.version) return null
  const row = database.prepare('SELECT value FROM state WHERE key = ?').get(CHECKPOINT_KEY)
  return (row?.['value'] as string | undefined) ?? null
}
