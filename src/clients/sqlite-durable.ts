import { open } from 'node:fs/promises'
import type { DatabaseSync } from 'node:sqlite'
import { inTransaction } from './sqlite-transaction.ts'

/**
 * As `inTransaction`, and on disk when it resolves. The disk is waited for in a thread: a sync takes from 1 ms to far more than
 * 100 ms where others write as well, and within the COMMIT everything else in this process would wait for it.
 */
export async function inDurableTransaction<T>(database: DatabaseSync, work: () => T): Promise<T> {
  const log = logOf(database)
  if (log === null) return inTransaction(database, work)
  const result = inUnsyncedTransaction(database, work)
  await sync(log)
  return result
}

/**
 * As `inTransaction`, for what need not outlive a loss of power. Where that takes it, it has taken everything behind it too, and the
 * file is whole: the write-ahead log is read up to the last transaction that is complete.
 */
export function inUnsyncedTransaction<T>(database: DatabaseSync, work: () => T): T {
  if (logOf(database) === null) return inTransaction(database, work)
  database.exec('PRAGMA synchronous = NORMAL')
  try {
    return inTransaction(database, work)
  } finally {
    database.exec('PRAGMA synchronous = FULL')
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
