import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { parseFileUrl } from '../../clients/address/file-url.ts'
import { parseSqlAddress } from '../../clients/sql/address.ts'
import type { OwnDatabase } from '../../clients/sql/handles.ts'
import { systemClock, type Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Log } from '../../model/rule/action.ts'
import type { TableDef } from '../../model/table/table.ts'
import { FeedSource } from '../../sources/feed/feed-source.ts'
import type { PolledOptions } from '../../sources/polled/contract.ts'
import { PolledFeed, POLLED_POSITIONS, type Notices } from '../../sources/polled/polled-feed.ts'
import { PolledTable } from '../../sources/polled/polled-table.ts'
import type { NamedSource } from '../open-sources.ts'

/** Claims, settles, looks; and one that listens. */
const CONNECTIONS = 4

export interface RunningOutbox {
  readonly source: NamedSource
  close(): Promise<void>
}

interface Opened {
  readonly description: string
  readonly database: OwnDatabase
  /** The connection behind it, where that is SQLite. */
  readonly file: DatabaseSync | null
  readonly notices: Notices | null
  close(): Promise<void> | void
}

/** An outbox that is polled, in the database at `url`. Nothing is asked yet. Rejects with BINGO_OUTBOX_UNREACHABLE for a file that is not there. */
export async function openPolled(
  name: string,
  url: string,
  options: PolledOptions,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<RunningOutbox> {
  const opened = await openDatabase(url, clock)
  const { description, database, file, notices } = opened
  const table = new PolledTable(description, database, file, options)
  const feed = new PolledFeed({ table, options, notices, clock, log })
  const source = new FeedSource({ name, what: 'the outbox', feed, positions: POLLED_POSITIONS, clock, log })
  return {
    source: { name, custom: source, observer: feed },
    close: async () => {
      await feed.close()
      await opened.close()
    },
  }
}

/** The table as it is, asked by a connection of its own. Rejects with BINGO_OUTBOX_UNREACHABLE and BINGO_OUTBOX_TABLE. */
export async function lookAtPolled(url: string, options: PolledOptions): Promise<TableDef> {
  const opened = await openDatabase(url, systemClock)
  const { description, database, file } = opened
  try {
    return await new PolledTable(description, database, file, options).look()
  } finally {
    await opened.close()
  }
}

async function openDatabase(url: string, clock: Clock): Promise<Opened> {
  const path = parseFileUrl(url)?.path
  if (path !== undefined) return openFile(path)
  const address = parseSqlAddress(url)
  const description = address.printable
  if (address.flavour === 'mysql') {
    const { mysqlPoolAt } = await import('../../clients/sql/mysql-pool.ts')
    const { MysqlDatabase } = await import('../../clients/sql/mysql.ts')
    const pool = mysqlPoolAt(address, { connections: CONNECTIONS, asText: true })
    return { description, database: new MysqlDatabase(pool), file: null, notices: null, close: () => pool.end() }
  }
  const { postgresPoolAt } = await import('../../clients/sql/postgres-pool.ts')
  const { PostgresDatabase } = await import('../../clients/sql/postgres.ts')
  const { PostgresNotices } = await import('../../sources/polled/postgres-notices.ts')
  const asText = { getTypeParser: () => (text: string) => text } as never
  const pool = postgresPoolAt(address, { connections: CONNECTIONS, types: asText })
  const notices = new PostgresNotices(pool, clock)
  return { description, database: new PostgresDatabase(pool), file: null, notices, close: () => pool.end() }
}

async function openFile(path: string): Promise<Opened> {
  if (!existsSync(path)) {
    throw new BingoError('BINGO_OUTBOX_UNREACHABLE', `The outbox file:${path} is not there`, {
      hint: 'Check the path; the application makes the file.',
    })
  }
  const { openSharedSqlite } = await import('../../clients/sqlite/sqlite.ts')
  const { SqliteConnection } = await import('../../clients/sql/sqlite.ts')
  const file = await openSharedSqlite(path)
  return {
    description: `file:${path}`,
    database: new SqliteConnection(file),
    file,
    notices: null,
    close: () => file.close(),
  }
}
