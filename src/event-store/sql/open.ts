import { migrate, NewerTablesError } from '../../clients/sql/migrate.ts'
import type { SqlDatabase } from '../../clients/sql/session.ts'
import { newerTables, storeMissing, storeUnreachable } from '../errors.ts'
import type { StreamStorage } from '../storage.ts'
import type { OpenedFlavour } from './flavour.ts'
import { SqlStreamStorage } from './storage.ts'

/** Connects, and makes the tables where they are missing and `create` says so. */
export async function openSqlStreams(
  description: string,
  { database, flavour }: OpenedFlavour,
  create: boolean,
): Promise<StreamStorage> {
  try {
    if (!create && !(await hasEvents(database))) throw storeMissing(description)
    await migrate(database, flavour.migrations)
    await flavour.prepare()
    return new SqlStreamStorage(description, database, flavour)
  } catch (error) {
    await flavour.close()
    if (error instanceof NewerTablesError) throw newerTables(description, error.found, error.known, error)
    throw storeUnreachable(description, error)
  }
}

async function hasEvents(database: SqlDatabase): Promise<boolean> {
  const schema = database.dialect === 'mysql' ? 'DATABASE()' : 'ANY (current_schemas(false))'
  const sql = `SELECT 1 FROM information_schema.tables WHERE table_schema = ${schema} AND table_name = 'domain_events'`
  return (await database.run(sql)).rows.length > 0
}
