import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { isNotADatabase, openSqlite } from '../../clients/sqlite/sqlite.ts'
import type { Log } from '../../model/rule/action.ts'
import { systemClock, type Clock } from '../../model/clock.ts'
import { stateFileError } from './errors.ts'
import { FileLock } from './legacy-lock.ts'
import { importLetters, lettersBeside, migrateText, setAside } from './migration.ts'
import { STATE_FORMAT } from './schema.ts'

export interface StateFileOptions {
  readonly path: string
  /** Instance name: a JSON checkpoint of another one is refused. */
  readonly name: string
  /** Dead letters are kept here, and not in a file of their own. */
  readonly letters: boolean
  readonly log: Log
  readonly clock?: Clock
}

/** How long a start waits for a command that migrates the same file. */
const MIGRATION_WAIT_MS = 3_000
const MIGRATION_POLL_MS = 100

/**
 * One connection to a state file, opened when it is first used. What an older BinGo left on its path (a JSON checkpoint,
 * dead letters in a file beside it) is taken over first, once.
 */
export class StateFile {
  readonly path: string
  readonly #options: StateFileOptions
  #opening: Promise<DatabaseSync> | null = null
  #database: DatabaseSync | null = null

  constructor(options: StateFileOptions) {
    this.path = options.path
    this.#options = options
  }

  /**
   * `replaceText`: a text on the path that is not a checkpoint of this instance is set aside, and not refused. Rejects with
   * BINGO_STATE_NEWER, …_CORRUPT, BINGO_CHECKPOINT_LOCKED, …_CORRUPT, …_FOREIGN, or what the file system said.
   */
  open(replaceText = false): Promise<DatabaseSync> {
    this.#opening ??= this.#open(replaceText).catch((error: unknown) => {
      this.#opening = null
      throw stateFileError(this.path, error)
    })
    return this.#opening
  }

  close(): void {
    this.#database?.close()
    this.#database = null
    this.#opening = null
  }

  async #open(replaceText: boolean): Promise<DatabaseSync> {
    const { path, letters } = this.#options
    if (existsSync(path) && !(letters && lettersBeside(path).length > 0)) {
      try {
        return (this.#database = openSqlite(path, STATE_FORMAT))
      } catch (error) {
        if (!isNotADatabase(error)) throw error
      }
    }
    return (this.#database = await this.#prepare(replaceText))
  }

  /** Under the lock of an older BinGo, so that none begins on this path meanwhile. */
  async #prepare(replaceText: boolean): Promise<DatabaseSync> {
    const { path, name, letters, log, clock = systemClock } = this.#options
    mkdirSync(dirname(path), { recursive: true })
    const lock = await acquirePatiently(`${path}.lock`, clock)
    try {
      const database = this.#openMigrated(replaceText)
      try {
        if (letters) for (const file of lettersBeside(path)) importLetters(database, file, log.child({ name }))
      } catch (error) {
        database.close()
        throw error
      }
      return database
    } finally {
      await lock.release()
    }
  }

  #openMigrated(replaceText: boolean): DatabaseSync {
    const { path, name, log } = this.#options
    try {
      return openSqlite(path, STATE_FORMAT)
    } catch (error) {
      if (!isNotADatabase(error)) throw error
    }
    try {
      migrateText(path, name, log)
    } catch (error) {
      if (!replaceText) throw error
      setAside(path, log)
    }
    return openSqlite(path, STATE_FORMAT)
  }
}

async function acquirePatiently(path: string, clock: Clock): Promise<FileLock> {
  for (let waitedMs = 0; ; waitedMs += MIGRATION_POLL_MS) {
    try {
      return await FileLock.acquire(path, clock)
    } catch (error) {
      if (waitedMs >= MIGRATION_WAIT_MS) throw error
      await clock.sleep(MIGRATION_POLL_MS)
    }
  }
}
