import mysql from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

type Server = Awaited<ReturnType<typeof startMysql>>

const servers = [
  { title: 'MySQL', start: () => startMysql({ gtid: true, rowMetadata: 'MINIMAL' }) },
  { title: 'MariaDB', start: () => startMariadb({ version: '10.11', rowMetadata: 'NO_LOG' }) },
]

/** Runs statements in a session with this character set. */
async function session(server: Server, charset: string, statements: readonly string[]): Promise<void> {
  const connection = await mysql.createConnection({ uri: server.url, charset, database: 'shop' })
  try {
    for (const statement of statements) await connection.query(statement)
  } finally {
    await connection.end()
  }
}

/** The tables of what these statements wrote, as a reader hears of them. */
async function heard(server: Server, charset: string, statements: readonly string[]): Promise<string[]> {
  await using reader = new RecordingSource(server.url)
  await reader.caughtUp()
  await session(server, charset, statements)
  await server.query('DROP TABLE IF EXISTS shop.last_one')
  await reader.waitFor(() => reader.ddlTables.includes('ddl shop.last_one'))
  return reader.ddlTables.slice(0, -1)
}

describe.each(servers)('names in SQL text on $title', ({ start }) => {
  let server: Server

  beforeAll(async () => {
    server = await start()
    await server.query('CREATE DATABASE shop')
  })
  afterAll(() => server.stop())

  it('are read in the character set of a latin1 session, with an event for each table', async () => {
    const tables = await heard(server, 'latin1', [
      'CREATE TABLE `größe` (`ä` INT PRIMARY KEY)',
      'TRUNCATE größe',
      'CREATE TABLE zwölf LIKE größe',
      'RENAME TABLE größe TO maß, zwölf TO elf',
      'ALTER TABLE maß RENAME TO `straße`',
      'DROP TABLE `straße`, elf',
    ])
    expect(tables).toEqual([
      'ddl shop.größe',
      'truncate shop.größe',
      'ddl shop.zwölf, shop.größe',
      'ddl shop.größe, shop.maß, shop.zwölf, shop.elf',
      'ddl shop.maß, shop.straße',
      'ddl shop.straße, shop.elf',
    ])
  })

  it('are read as the server writes them for CREATE TABLE … SELECT in a latin1 session', async () => {
    const tables = await heard(server, 'latin1', [
      'CREATE TABLE quälle (`ä` INT PRIMARY KEY)',
      'CREATE TABLE zähl AS SELECT * FROM quälle',
      'DROP TABLE quälle',
      'DROP TABLE zähl',
    ])
    expect(tables).toEqual(['ddl shop.quälle', 'ddl shop.zähl', 'ddl shop.quälle', 'ddl shop.zähl'])
  })

  it('are read in GBK, where a backtick can be half a character', async () => {
    const tables = await heard(server, 'gbk', [
      'CREATE TABLE 表格 (id INT)',
      'CREATE TABLE `廯` (id INT)',
      'RENAME TABLE `廯` TO plain, 表格 TO `x``廯`',
      'DROP TABLE plain, `x``廯`',
    ])
    expect(tables).toEqual([
      'ddl shop.表格',
      'ddl shop.廯',
      'ddl shop.廯, shop.plain, shop.表格, shop.x`廯',
      'ddl shop.plain, shop.x`廯',
    ])
  })

  it('are read by the quotes and backslashes of the session’s sql_mode', async () => {
    const tables = await heard(server, 'utf8mb4', [
      "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'",
      `CREATE TABLE "q""x" (id INT) COMMENT='\\'`,
      `ALTER TABLE "q""x" COMMENT='\\', RENAME TO "r\\", COMMENT=''`,
      'TRUNCATE "r\\"',
      'DROP TABLE "r\\"',
    ])
    expect(tables).toEqual(['ddl shop.q"x', 'ddl shop.q"x, shop.r\\', 'truncate shop.r\\', 'ddl shop.r\\'])
  })

  it('of a latin1 session stop a reader that lags, where they may be those of the table that it reads', async () => {
    await using before = new RecordingSource(server.url)
    await before.caughtUp()
    await session(server, 'latin1', [
      'CREATE TABLE grö (id INT PRIMARY KEY, a INT, b INT)',
      'CREATE TABLE plain (id INT)',
    ])
    await before.waitFor(() => before.ddlTables.includes('ddl shop.plain'))
    const checkpoint = before.checkpoint()
    await before.stop()
    await server.query('INSERT INTO shop.plain VALUES (1)')
    await server.query('INSERT INTO shop.grö VALUES (1, 1, 1)')
    await session(server, 'latin1', ['ALTER TABLE grö RENAME COLUMN a TO ü'])
    await using late = new RecordingSource(server.url, { checkpoint })
    const failure = await late.failure()
    expect(failure).toMatchObject({ code: 'BINGO_SCHEMA_UNKNOWN' })
    expect(failure.message).toContain('shop.grö')
    expect(late.committed.map(({ table }) => table.name)).toEqual(['plain'])
  })
})

it('the statement that MySQL logs with its rows is read in the character set of its session', async () => {
  await using server = await startMysql({ gtid: true, args: ['--binlog-rows-query-log-events=ON'] })
  await server.query('CREATE DATABASE shop')
  await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY)')
  await using reader = new RecordingSource(server.url)
  await reader.caughtUp()
  await session(server, 'latin1', ['INSERT INTO t VALUES (1) /* größer */'])
  await reader.waitFor(() => reader.committed.length === 1)
  expect(reader.committed[0]!.query).toContain('/* größer */')
})

describe('on MariaDB', () => {
  it('a statement after SET STATEMENT … FOR counts', async () => {
    await using server = await startMariadb({ version: '10.11', rowMetadata: 'NO_LOG' })
    await server.query('CREATE DATABASE shop')
    await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY, a INT, b INT)')
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    // One by one: a reader that lags behind an ALTER refuses the rows before it, whose columns the server no longer has.
    await session(server, 'utf8mb4', ['INSERT INTO t VALUES (1, 1, 1)'])
    await reader.waitFor(() => reader.committed.length === 1 || reader.error !== null)
    await session(server, 'utf8mb4', ['SET STATEMENT max_statement_time=60 FOR ALTER TABLE t RENAME COLUMN a TO c'])
    await reader.waitFor(() => reader.ddlTables.length === 1 || reader.error !== null)
    await session(server, 'utf8mb4', [
      'INSERT INTO t VALUES (2, 2, 2)',
      "SET STATEMENT sql_mode='ANSI_QUOTES' FOR TRUNCATE TABLE `t`",
    ])
    await reader.waitFor(() => reader.ddlTables.length === 2 || reader.error !== null)
    expect(reader.error).toBeNull()
    expect(reader.ddlTables).toEqual(['ddl shop.t', 'truncate shop.t'])
    expect(reader.committed.map(({ table }) => table.columns[1]!.name)).toEqual(['a', 'c'])
  })

  it.each(['SET STATEMENT max_statement_time=60 FOR INSERT INTO t VALUES (1)', 'ANALYZE INSERT INTO t VALUES (1)'])(
    '%s as a statement hides its rows',
    async (statement) => {
      await using server = await startMariadb({ version: '10.11' })
      await server.query('CREATE DATABASE shop')
      await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY)')
      await using reader = new RecordingSource(server.url)
      await reader.caughtUp()
      await session(server, 'utf8mb4', ['SET binlog_format = STATEMENT', statement])
      expect(await reader.failure()).toMatchObject({ code: 'BINGO_STATEMENT_FORMAT' })
    },
  )

  it('names from SQL are in lower case where the server keeps them so', async () => {
    await using server = await startMariadb({ version: '10.11', args: ['--lower-case-table-names=1'] })
    await server.query('CREATE DATABASE Shop')
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await server.query('CREATE TABLE Shop.Users (id INT PRIMARY KEY)')
    await server.query('INSERT INTO Shop.USERS VALUES (1)')
    await server.query('TRUNCATE TABLE Shop.Users')
    await reader.waitFor(() => reader.ddlTables.length === 2)
    expect(reader.ddlTables).toEqual(['ddl shop.users', 'truncate shop.users'])
    expect(reader.committed[0]!.table).toMatchObject({ schema: 'shop', name: 'users' })
  })
})
