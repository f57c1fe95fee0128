import { setTimeout as delay } from 'node:timers/promises'
import { openPostgresPool } from '../../../src/clients/postgres.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startMysql } from '../servers/mysql.ts'
import type { SqlServer } from '../servers/mysql.ts'
import { startOlder } from '../servers/older-servers.ts'
import { startPostgres } from '../servers/postgres.ts'
import type { TestServer } from '../servers/test-server.ts'

export type ServerKind = 'MySQL 8.0' | 'MySQL' | 'MariaDB' | 'PostgreSQL'

/** A database server for events, of whatever kind; each database is its own store. */
export interface DatabaseServer extends AsyncDisposable {
  readonly kind: ServerKind
  /** As it calls itself. */
  readonly version: string
  /** Answers the address of a new database. */
  create(): Promise<string>
  /** One statement in a database. */
  run(url: string, statement: string): Promise<unknown[]>
  kill(): Promise<void>
  restart(): Promise<void>
}

/** Commits are on disk when they are answered. */
const DURABLE = { args: ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1'] }

export async function startDatabase(kind: ServerKind): Promise<DatabaseServer> {
  switch (kind) {
    case 'MySQL 8.0':
      return ofMysql(kind, await startOlder('mysql-8.0', DURABLE))
    case 'MySQL':
      return ofMysql(kind, await startMysql(DURABLE))
    case 'MariaDB':
      return ofMysql(kind, await startMariadb(DURABLE))
    case 'PostgreSQL':
      return ofPostgres(await startPostgres())
  }
}

let databases = 0
const nextName = (): string => `events_${++databases}`

function ofMysql(kind: ServerKind, server: SqlServer): DatabaseServer {
  const scheme = kind === 'MariaDB' ? 'mariadb' : 'mysql'
  return {
    kind,
    version: server.version,
    async create() {
      const name = nextName()
      await server.query(`CREATE DATABASE ${name} CHARACTER SET latin1`)
      return `${server.url.replace('mysql:', `${scheme}:`)}/${name}`
    },
    run: async (url, statement) => {
      const [, rows] = await server.query<unknown[]>(`USE ${url.slice(url.lastIndexOf('/') + 1)}; ${statement}`)
      return Array.isArray(rows) ? rows : []
    },
    kill: () => server.kill(),
    restart: () => server.restart(),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

async function ofPostgres(server: TestServer): Promise<DatabaseServer> {
  const query = async (url: string, statement: string): Promise<unknown[]> => {
    const pool = openPostgresPool({ connectionString: url })
    try {
      return (await pool.query<object>(statement)).rows
    } finally {
      await pool.end()
    }
  }
  const [row] = await untilAnswered(() => query(server.url, 'SHOW server_version'))
  return {
    kind: 'PostgreSQL',
    version: (row as { server_version: string }).server_version,
    async create() {
      const name = nextName()
      await query(server.url, `CREATE DATABASE ${name}`)
      return server.url.replace(/[^/]*$/, name)
    },
    run: query,
    kill: () => server.kill(),
    async restart() {
      // Processes of the one that was killed may still hold its memory.
      await untilAnswered(() => server.restart())
      await untilAnswered(() => query(server.url, 'SELECT 1'))
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** It accepts connections before it lets anybody in, and repairs its files first. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === 300) throw error
      await delay(200)
    }
  }
}
