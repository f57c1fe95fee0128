import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isBusy, openedWith, resultCode, whenFree } from './free.ts'
import { inTransaction } from './transaction.ts'

export { inSharedTransaction, inTransaction } from './transaction.ts'

/** How long a statement waits for another process (the daemon, a command) to end its transaction. */
const BUSY_TIMEOUT_MS = 5_000
/** No file: gone with the connection. */
export const IN_MEMORY = ':memory:'
/** Result codes of SQLite (https://sqlite.org/rescode.html), without the extended part. */
const [CORRUPT, NOT_A_DATABASE] = [11, 26]

/** What a file holds. `user_version` of the file is the version. */
export interface FileFormat {
  readonly version: number
  /** Run in one transaction on a file of an older version; 0: a new file. Repeating it changes nothing. */
  readonly upgrade: string
}

/** A file of a newer version than this program knows. */
export class NewerFormatError extends Error {
  constructor(path: string, found: number, known: number) {
    super(`${path} was written by a newer BinGo (format ${found}, this one supports up to ${known})`)
    this.name = 'NewerFormatError'
  }
}

/**
 * Opens a database file, making it and its folder where they are missing, readable by its owner only. A commit is on disk
 * when it returns (WAL, synchronous FULL); other processes read meanwhile. Throws NewerFormatError, or SQLite's own error.
 */
export function openSqlite(path: string, format: FileFormat, journal: 'WAL' | 'DELETE' = 'WAL'): DatabaseSync {
  return opened(path, (database) => {
    const found = versionOf(database)
    if (found > format.version) throw new NewerFormatError(path, found, format.version)
    configure(database, journal)
    if (found === format.version) return
    inTransaction(database, () => {
      // Another process may have upgraded it since.
      if (versionOf(database) === format.version) return
      database.exec(`${format.upgrade} PRAGMA user_version = ${format.version};`)
    })
  })
}

/** The same for a file that several components or an application share: who makes tables in it notes their versions there. */
export async function openSharedSqlite(path: string): Promise<DatabaseSync> {
  const database = openPrivately(path)
  try {
    await whenFree(database, () => configure(database, 'WAL'))
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function opened(path: string, prepare: (database: DatabaseSync) => void): DatabaseSync {
  const database = openPrivately(path)
  try {
    prepare(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function openPrivately(path: string): DatabaseSync {
  if (path !== IN_MEMORY) createPrivately(path)
  return openedWith(new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS }), BUSY_TIMEOUT_MS)
}

function configure(database: DatabaseSync, journal: 'WAL' | 'DELETE'): void {
  database.exec(`PRAGMA journal_mode = ${journal}; PRAGMA synchronous = FULL;`)
}

/**
 * Takes a file as a lock of this process: one of the system, which ends with the process, however that ends. Null when
 * another process has it.
 */
export function lockSqlite(path: string): DatabaseSync | null {
  createPrivately(path)
  const lock = new DatabaseSync(path)
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    if (isBusy(error)) return null
    throw error
  }
}

/** Opens a file that is there, of any version, and changes nothing in it. */
export function openSqliteReadOnly(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true })
}

export function versionOf(database: DatabaseSync): number {
  return database.prepare('PRAGMA user_version').get()!['user_version'] as number
}

/** The file is no database, or what it holds is damaged: waiting will not help. */
export function isCorrupt(error: unknown): boolean {
  const code = resultCode(error)
  return code === CORRUPT || code === NOT_A_DATABASE
}

/** It never was a database, such as a text. */
export function isNotADatabase(error: unknown): boolean {
  return resultCode(error) === NOT_A_DATABASE
}

/**
 * SQLite gives `-wal` and `-shm` the rights of the file. One that is there is not even opened: closing it again would
 * drop the locks that another connection of this process has on it (https://sqlite.org/howtocorrupt.html, 2.2).
 */
function createPrivately(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  if (existsSync(path)) return
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
