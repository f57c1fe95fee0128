import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

type Server = Awaited<ReturnType<typeof startMysql>>

const servers = [
  { title: 'MySQL with MINIMAL metadata', start: () => startMysql({ gtid: true, rowMetadata: 'MINIMAL' }) },
  { title: 'MariaDB with NO_LOG metadata', start: () => startMariadb({ version: '10.11', rowMetadata: 'NO_LOG' }) },
]

/** A reader that sees these statements only after the last of them was executed. */
async function lagging(
  server: Server,
  before: readonly string[],
  statements: readonly string[],
): Promise<RecordingSource> {
  await using first = new RecordingSource(server.url)
  await first.caughtUp()
  for (const statement of [...before, 'DROP TABLE IF EXISTS shop.marker']) await server.query(statement)
  await first.waitFor(() => first.ddlTables.includes('ddl shop.marker'))
  const checkpoint = first.checkpoint()
  await first.stop()
  for (const statement of statements) await server.query(statement)
  return new RecordingSource(server.url, { checkpoint })
}

const names = (reader: RecordingSource): string[] =>
  reader.committed.map(({ table }) => `${table.name}: ${table.columns.map(({ name }) => name).join(', ')}`)

describe.each(servers)('columns on $title', ({ start }) => {
  let server: Server

  beforeAll(async () => {
    server = await start()
    await server.query('CREATE DATABASE shop')
  })
  afterAll(() => server.stop())

  it('of a work table that is gone are known from its CREATE', async () => {
    await using late = await lagging(
      server,
      [],
      [
        "CREATE TABLE shop.work (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET utf8mb4, e ENUM('a','b') CHARACTER SET utf8mb4, d DECIMAL(8,3), t DATETIME(3)) ENGINE=InnoDB",
        "INSERT INTO shop.work VALUES (1, 'x', 'b', 1.5, NOW())",
        'CREATE TABLE shop.copy LIKE shop.work',
        "INSERT INTO shop.copy VALUES (2, 'y', 'a', 2.5, NOW())",
        'ALTER TABLE shop.work ADD INDEX (v)',
        "INSERT INTO shop.work VALUES (3, 'z', 'a', 1.5, NOW())",
        'DROP TABLE shop.work, shop.copy',
      ],
    )
    await late.waitFor(() => late.committed.length === 3)
    expect(names(late)).toEqual(['work: id, v, e, d, t', 'copy: id, v, e, d, t', 'work: id, v, e, d, t'])
    const { columns, key } = late.committed[0]!.table
    expect([columns[2]!.values, key]).toEqual([['a', 'b'], [0]])
  })

  it('are not affected by statements that cannot change them, also after the current position', async () => {
    await using late = await lagging(
      server,
      ['CREATE TABLE shop.calm (id INT PRIMARY KEY, a INT)'],
      [
        'INSERT INTO shop.calm VALUES (1, 1)',
        'ALTER TABLE shop.calm ADD INDEX i (a)',
        "ALTER TABLE shop.calm COMMENT = 'rename column a to b'",
        'INSERT INTO shop.calm VALUES (2, 2)',
        'CREATE TABLE IF NOT EXISTS shop.calm (other INT)',
        'ALTER TABLE shop.calm ENGINE = InnoDB, AUTO_INCREMENT = 50',
        'INSERT INTO shop.calm VALUES (3, 3)',
        'DROP INDEX i ON shop.calm',
      ],
    )
    await late.waitFor(() => late.committed.length === 3)
    expect(names(late)).toEqual(['calm: id, a', 'calm: id, a', 'calm: id, a'])
  })

  it('of an ALTER that can change them are refused as before, also after a CREATE that was read', async () => {
    await using late = await lagging(
      server,
      [],
      [
        'CREATE TABLE shop.odd (id INT PRIMARY KEY, a INT, b INT)',
        'INSERT INTO shop.odd VALUES (1, 1, 1)',
        'ALTER TABLE shop.odd RENAME COLUMN a TO c',
        'INSERT INTO shop.odd VALUES (2, 2, 2)',
        'ALTER TABLE shop.odd RENAME COLUMN b TO d',
      ],
    )
    expect(await late.failure()).toMatchObject({ code: 'BINGO_SCHEMA_UNKNOWN' })
    expect(names(late)).toEqual(['odd: id, a, b'])
  })

  it('of an existing table are not taken from CREATE TABLE IF NOT EXISTS', async () => {
    await using late = await lagging(
      server,
      ['CREATE TABLE shop.there (id INT PRIMARY KEY, a INT)'],
      ['CREATE TABLE IF NOT EXISTS shop.there (id INT PRIMARY KEY, b INT)', 'INSERT INTO shop.there VALUES (1, 1)'],
    )
    await late.waitFor(() => late.committed.length === 1)
    expect(names(late)).toEqual(['there: id, a'])
  })
})
