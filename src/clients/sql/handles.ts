import type { Connection as CallbackConnection, Pool as CallbackPool } from 'mysql2'
import type { Kysely } from 'kysely'
import type { Connection, Pool as MysqlPool } from 'mysql2/promise'
import type { DatabaseSync } from 'node:sqlite'
import type { ClientBase, Pool as PostgresPool } from 'pg'
import { DrizzleSession } from './drizzle.ts'
import type { DrizzleTransaction } from './drizzle.ts'
import { KyselySession } from './kysely.ts'
import { MysqlDatabase, MysqlSession } from './mysql.ts'
import { PostgresDatabase, PostgresSession } from './postgres.ts'
import { PrismaSession } from './prisma.ts'
import type { PrismaTransaction } from './prisma.ts'
import type { SqlDialect, SqlSession } from './session.ts'
import { SqliteConnection, SqliteSession } from './sqlite.ts'

/** Something of another library's that is no transaction, or no database. */
export class UnknownHandleError extends Error {}

export type OwnDatabase = MysqlDatabase | PostgresDatabase | SqliteConnection

/** What an application has of its database: a pool of mysql2 or pg, or a connection of node:sqlite. Nothing is loaded. */
export function databaseOf(handle: unknown): OwnDatabase {
  if (isSqlite(handle)) return new SqliteConnection(handle)
  if (has(handle, 'getConnection', 'promise')) return new MysqlDatabase((handle as unknown as CallbackPool).promise())
  if (has(handle, 'getConnection', 'execute')) return new MysqlDatabase(handle as unknown as MysqlPool)
  if (has(handle, 'connect', 'query') && 'totalCount' in handle)
    return new PostgresDatabase(handle as unknown as PostgresPool)
  throw new UnknownHandleError('expected a pool of mysql2 or pg, or a database of node:sqlite')
}

/** A transaction that the application has open: of mysql2, pg, node:sqlite, Kysely, Prisma or Drizzle. */
export function sessionOf(handle: unknown, dialect: SqlDialect): SqlSession {
  if (isSqlite(handle)) {
    if (!handle.isTransaction) throw new UnknownHandleError('the connection of node:sqlite has no transaction open')
    return checked(new SqliteSession(handle), dialect)
  }
  if (has(handle, 'getConnection') || 'totalCount' in Object(handle)) {
    throw new UnknownHandleError('a pool is no transaction: take a connection, and begin a transaction on it')
  }
  if (has(handle, 'executeQuery', 'selectFrom')) {
    if ((handle as { isTransaction?: boolean }).isTransaction !== true) {
      throw new UnknownHandleError('this Kysely is no transaction: pass the `trx` of `db.transaction().execute(…)`')
    }
    return new KyselySession(handle as unknown as ConstructorParameters<typeof KyselySession>[0], dialect)
  }
  if (isDrizzle(handle)) return new DrizzleSession(handle as DrizzleTransaction, dialect)
  if (has(handle, '$executeRawUnsafe', '$queryRawUnsafe')) {
    // Since version 7 a transaction has `$transaction` too, for nested ones.
    if (has(handle, '$connect')) {
      throw new UnknownHandleError(
        'this Prisma client is no transaction: pass the `tx` of `prisma.$transaction(async (tx) => …)`',
      )
    }
    return new PrismaSession(handle as unknown as PrismaTransaction, dialect)
  }
  if (has(handle, 'execute', 'beginTransaction')) {
    const connection = has(handle, 'promise') ? (handle as unknown as CallbackConnection).promise() : handle
    return checked(new MysqlSession(connection as unknown as Connection), dialect)
  }
  if (has(handle, 'query', 'escapeIdentifier'))
    return checked(new PostgresSession(handle as unknown as ClientBase), dialect)
  throw new UnknownHandleError('expected a transaction of mysql2, pg, node:sqlite, Kysely, Prisma or Drizzle')
}

/** Of the database that a transaction is open on, where its library says. */
export function dialectOf(handle: unknown): SqlDialect {
  if (isSqlite(handle)) return 'sqlite'
  if (has(handle, 'getExecutor', 'selectFrom')) return dialectOfKysely(handle as unknown as Kysely<unknown>)
  const { _activeProvider: prisma, dialect: drizzle } = Object(handle) as Marked
  const mark = prisma ?? drizzle?.constructor[Symbol.for('drizzle:entityKind')] ?? ''
  if (/^mysql/i.test(mark)) return 'mysql'
  if (/^(pg|postgres)/i.test(mark)) return 'postgres'
  if (/^sqlite/i.test(mark)) return 'sqlite'
  return has(handle, 'query', 'escapeIdentifier') ? 'postgres' : 'mysql'
}

/** Prisma and Drizzle say what they talk to by these. */
interface Marked {
  readonly _activeProvider?: string
  readonly dialect?: { readonly constructor: { readonly [mark: symbol]: string } }
}

function dialectOfKysely(queries: Kysely<unknown>): SqlDialect {
  const { supportsReturning, supportsTransactionalDdl } = queries.getExecutor().adapter
  if (!supportsReturning) return 'mysql'
  return supportsTransactionalDdl ? 'postgres' : 'sqlite'
}

function checked(session: SqlSession, dialect: SqlDialect): SqlSession {
  if (session.dialect === dialect) return session
  throw new UnknownHandleError(`the transaction is one of ${session.dialect}, but the tables are in ${dialect}`)
}

function isSqlite(handle: unknown): handle is DatabaseSync {
  return has(handle, 'prepare', 'exec') && 'isTransaction' in handle
}

/** The transactions of Drizzle, by the mark on their classes; `rollback` is what a database of it lacks. */
function isDrizzle(handle: unknown): boolean {
  if (typeof handle !== 'object' || handle === null) return false
  if (!(Symbol.for('drizzle:entityKind') in handle.constructor)) return false
  if ((handle as { resultKind?: unknown }).resultKind === 'sync') {
    throw new UnknownHandleError(
      'this transaction of Drizzle ends before anything asynchronous is done in it: use its libsql driver, or node:sqlite',
    )
  }
  if (has(handle, 'rollback')) return true
  throw new UnknownHandleError(
    'this Drizzle database is no transaction: pass the `tx` of `db.transaction(async (tx) => …)`',
  )
}

function has(handle: unknown, ...methods: readonly string[]): handle is Record<string, unknown> {
  if ((typeof handle !== 'object' && typeof handle !== 'function') || handle === null) return false
  return methods.every((name) => typeof (handle as Record<string, unknown>)[name] === 'function')
}
