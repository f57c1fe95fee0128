import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { DatabaseSync } from 'node:sqlite'
import { whenFree } from './free.ts'
import type { PauseClock } from './free.ts'
import { inSharedTransaction, inTransaction } from './transaction.ts'

/**
 * As `inSharedTransaction`, and on disk when it resolves. The disk is waited for in a thread: a sync takes from 1 ms to far more than
 * 100 ms where others write as well, and within the COMMIT everything else in this process would wait for it.
 */
export async function inDurableTransaction<T>(database: DatabaseSync, work: () => T, clock?: PauseClock): Promise<T> {
  const log = logOf(database)
  if (log === null) return inSharedTransaction(database, work, clock)
  const result = await inUnsyncedTransaction(database, work, clock)
  await sync(log)
  return result
}

/**
 * As `inSharedTransaction`, for what need not outlive a loss of power. Where that takes it, it has taken everything behind it too, and the
 * file is whole: the write-ahead log is read up to the last transaction that is complete.
 */
export async function inUnsyncedTransaction<T>(database: DatabaseSync, work: () => T, clock?: PauseClock): Promise<T> {
  if (logOf(database) === null) return inSharedTransaction(database, work, clock)
  const unsynced = (): T => {
    database.exec('PRAGMA synchronous = NORMAL')
    try {
      return inTransaction(database, work)
    } finally {
      database.exec('PRAGMA synchronous = FULL')
    }
  }
  return whenFree(database, unsynced, clock)
}

/**
 * The write-ahead log of a connection that syncs it by itself: from now on, a COMMIT only writes. Its descriptor stays open: while
 * the connection is, nobody removes the file.
 */
export class WrittenLog {
  readonly #database: DatabaseSync
  readonly #file: number
  #syncing = false
  #isClosed = false

  private constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#file = openSync(path, 'r+')
    // Whoever wrote before may have been killed before it could.
    fdatasyncSync(this.#file)
    database.exec('PRAGMA synchronous = NORMAL')
  }

  /** Null where there is none, as in memory: then a COMMIT syncs. Of a connection that has read something. */
  static of(database: DatabaseSync): WrittenLog | null {
    const path = logOf(database)
    return path === null ? null : new WrittenLog(database, path)
  }

  /** Resolves when what was written before is on disk. One at a time. */
  sync(): Promise<void> {
    this.#syncing = true
    return new Promise((resolve, reject) => {
      fdatasync(this.#file, (error) => {
        this.#syncing = false
        if (this.#isClosed) closeSync(this.#file)
        if (error === null) resolve()
        else reject(error)
      })
    })
  }

  /** Brings everything to disk by another way: into the database file, which is synced. Throws where that fails. */
  moveIntoFile(): void {
    // One that waits for others would hold up everything in this process.
    const { busy, log, checkpointed } = this.#database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()!
    if (busy !== 0 || log !== checkpointed) throw new Error('the database file is in use by another connection')
  }

  close(): void {
    this.#isClosed = true
    if (!this.#syncing) closeSync(this.#file)
  }
}

/** The write-ahead log; null where there is none: in memory, or on a file system that has no shared memory. */
function logOf(database: DatabaseSync): string | null {
  const path = database.location()
  if (path === null) return null
  return database.prepare('PRAGMA journal_mode').get()!['journal_mode'] === 'wal' ? `${path}-wal` : null
}

/** SQLite has its locks on the other two files: of this one, a descriptor may be closed (https://sqlite.org/howtocorrupt.html, 2.2). */
async function sync(path: string): Promise<void> {
  let file
  try {
    file = await open(path, 'r+')
  } catch (error) {
    // The last connection was closed meanwhile, which wrote and synced everything.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}
