import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { migrateSqlite, NewerTablesError } from '../../clients/sql/migrate.ts'
import type { PauseClock } from '../../clients/sqlite/free.ts'
import { IN_MEMORY, openSharedSqlite } from '../../clients/sqlite/sqlite.ts'
import { newerTables, storeMissing } from '../errors.ts'
import type { StreamStorage } from '../storage.ts'
import { SQLITE_STORE } from './schema.ts'
import { SqliteStreamStorage, storeError } from './storage.ts'

interface OpenOptions {
  /** False: a file that is not there, or has no tables of an event store, is an error. */
  readonly create: boolean
  readonly clock: PauseClock
}

/** Opens the file, and makes it and its tables where they are missing and `create` says so. */
export async function openSqliteStreams(path: string, { create, clock }: OpenOptions): Promise<StreamStorage> {
  const description = path === IN_MEMORY ? 'memory:' : `file:${path}`
  if (!create && path !== IN_MEMORY && !existsSync(path)) throw storeMissing(description)
  let database: DatabaseSync | null = null
  try {
    database = await openSharedSqlite(path)
    if (!create && !hasEvents(database)) throw storeMissing(description)
    await migrateSqlite(database, SQLITE_STORE)
    return new SqliteStreamStorage(description, database, clock)
  } catch (error) {
    database?.close()
    if (error instanceof NewerTablesError) throw newerTables(description, error.found, error.known, error)
    throw storeError(description, error)
  }
}

function hasEvents(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'domain_events'").get() !== undefined
}
