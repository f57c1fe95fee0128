import type { DatabaseSync } from 'node:sqlite'
import { whenFree } from './free.ts'
import type { PauseClock } from './free.ts'

/** As `inTransaction`, for a file that other processes write as well: their transactions are waited for beside the event loop. */
export function inSharedTransaction<T>(database: DatabaseSync, work: () => T, clock?: PauseClock): Promise<T> {
  return whenFree(database, () => inTransaction(database, work), clock)
}

/** Apart from the opening of files: connections of an application come from there, and node:sqlite need not be loaded. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // SQLite ends the transaction by itself when the disk is full.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
