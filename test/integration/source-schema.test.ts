import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ColumnDef } from '../../src/model/table/table.ts'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

const COLUMNS = `
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  tiny TINYINT, small SMALLINT UNSIGNED, medium MEDIUMINT, plain INT ZEROFILL,
  f FLOAT, d DOUBLE, dec_ DECIMAL(20,5), bits BIT(13), y YEAR,
  dt DATE, ti TIME(3), dtm DATETIME(6), ts TIMESTAMP(2) NULL,
  c CHAR(20) CHARACTER SET latin1, long_c CHAR(255), vc VARCHAR(300), vb VARBINARY(9), b BINARY(16),
  tb TINYBLOB, bl BLOB, mt MEDIUMTEXT, lt LONGTEXT CHARACTER SET utf16, j JSON,
  e ENUM('plain','it''s','com,ma','back\\\\slash','(brackets)','ümlaut') CHARACTER SET utf8mb4,
  s SET('a','b','c','d','e','f','g','h','i') NOT NULL,
  g GEOMETRY,
  PRIMARY KEY (id, s)`

const servers = [
  { title: 'MySQL with MINIMAL metadata', start: () => startMysql({ gtid: true, rowMetadata: 'MINIMAL' }) },
  { title: 'MariaDB with NO_LOG metadata', start: () => startMariadb({ version: '10.11', rowMetadata: 'NO_LOG' }) },
]

describe.each(servers)('column names on $title', ({ start }) => {
  let server: Awaited<ReturnType<typeof startMysql>>

  beforeAll(async () => {
    server = await start()
    await server.query('CREATE DATABASE shop')
  })
  afterAll(() => server.stop())

  it('are looked up for every type, with signs, values, collations and the key', async () => {
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await server.query(`CREATE TABLE shop.everything (${COLUMNS})`)
    await server.query("INSERT INTO shop.everything (plain, s) VALUES (1, 'a')")
    await reader.waitFor(() => reader.committed.length === 1)
    const { columns, key } = reader.committed[0]!.table
    const byName = new Map(columns.map((column): [string, ColumnDef] => [column.name, column]))
    expect(columns.map(({ name }) => name).slice(0, 5)).toEqual(['id', 'tiny', 'small', 'medium', 'plain'])
    expect(key.map((index) => columns[index]!.name)).toEqual(['id', 's'])
    expect(columns.filter(({ unsigned }) => unsigned).map(({ name }) => name)).toEqual(['id', 'small', 'plain'])
    expect(byName.get('e')?.values).toEqual(['plain', "it's", 'com,ma', 'back\\slash', '(brackets)', 'ümlaut'])
    expect(byName.get('s')?.values).toHaveLength(9)
    expect(byName.get('vb')?.collation).toBe(63)
    expect(byName.get('bl')?.collation).toBe(63)
    expect(byName.get('c')?.collation).toBe(8)
    expect(byName.get('lt')?.collation).toBeGreaterThan(0)
  })

  it('are queried again after an ALTER that the reader has seen', async () => {
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await server.query('CREATE TABLE shop.seen (id INT PRIMARY KEY, a INT)')
    await server.query('INSERT INTO shop.seen VALUES (1, 1)')
    await reader.waitFor(() => reader.committed.length === 1)
    await server.query('ALTER TABLE shop.seen RENAME COLUMN a TO b')
    await server.query('INSERT INTO shop.seen VALUES (2, 2)')
    await reader.waitFor(() => reader.committed.length === 2)
    expect(reader.committed.map(({ table }) => table.columns[1]!.name)).toEqual(['a', 'b'])
  })

  it('are refused if the table was altered after the current position, even if the shape is the same', async () => {
    await using before = new RecordingSource(server.url)
    await before.caughtUp()
    await server.query('CREATE TABLE shop.late (id INT PRIMARY KEY, a INT, b INT)')
    await before.waitFor(() => before.ddl.some((sql) => sql.includes('late')))
    const checkpoint = before.checkpoint()
    await before.stop()
    await server.query('INSERT INTO shop.late VALUES (1, 10, 20)')
    await server.query('ALTER TABLE shop.late RENAME COLUMN a TO c')
    await using late = new RecordingSource(server.url, { checkpoint })
    const failure = await late.failure()
    expect(failure).toMatchObject({ code: 'BINGO_SCHEMA_UNKNOWN', retryable: false })
    expect(failure.message).toContain('RENAME COLUMN')
    expect(late.committed).toEqual([])
  })

  it('are found with lag too, when only other tables were altered', async () => {
    await using before = new RecordingSource(server.url)
    await before.caughtUp()
    await server.query('CREATE TABLE shop.calm (id INT PRIMARY KEY, a INT)')
    await before.waitFor(() => before.ddl.some((sql) => sql.includes('calm')))
    const checkpoint = before.checkpoint()
    await before.stop()
    await server.query('INSERT INTO shop.calm VALUES (1, 1)')
    await server.query('FLUSH BINARY LOGS')
    await server.query('CREATE TABLE shop.other (id INT PRIMARY KEY)')
    await server.query('INSERT INTO shop.calm VALUES (2, 2)')
    await using late = new RecordingSource(server.url, { checkpoint })
    await late.waitFor(() => late.committed.length === 2)
    expect(late.committed[0]!.table.columns.map(({ name }) => name)).toEqual(['id', 'a'])
  })

  it('are refused for a table that is gone', async () => {
    await using before = new RecordingSource(server.url)
    await before.caughtUp()
    await server.query('CREATE TABLE shop.gone (id INT PRIMARY KEY)')
    await before.waitFor(() => before.ddl.some((sql) => sql.includes('gone')))
    const checkpoint = before.checkpoint()
    await before.stop()
    await server.query('INSERT INTO shop.gone VALUES (1)')
    await server.query('DROP TABLE shop.gone')
    await using late = new RecordingSource(server.url, { checkpoint })
    expect(await late.failure()).toMatchObject({ code: 'BINGO_SCHEMA_UNKNOWN' })
  })
})

describe('what MariaDB hides from its binlog although the metadata is FULL', () => {
  it('is looked up: UUID, INET4 and INET6 columns, and temporal columns of old', async () => {
    await using server = await startMariadb({ version: '10.11', args: ['--mysql56-temporal-format=OFF'] })
    await server.query('CREATE DATABASE shop')
    await server.query(
      'CREATE TABLE shop.t (id INT PRIMARY KEY, u UUID, i4 INET4, i6 INET6, b BINARY(16), old DATETIME(3), plain DATETIME)',
    )
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await server.query('INSERT INTO shop.t (id) VALUES (1)')
    await reader.waitFor(() => reader.committed.length === 1)
    const { columns } = reader.committed[0]!.table
    expect(columns.map(({ special }) => special)).toEqual([
      undefined,
      'uuid',
      'inet4',
      'inet6',
      undefined,
      'mariadb53-temporal',
      undefined,
    ])
    expect(columns[5]!.meta).toBe(3)
  })

  it('is looked up: VECTOR columns, which travel as VARBINARY', async () => {
    await using server = await startMariadb({ version: '11.8' })
    await server.query('CREATE DATABASE shop')
    await server.query('CREATE TABLE shop.v (id INT PRIMARY KEY, v VECTOR(3) NOT NULL, b VARBINARY(12), t VARCHAR(12))')
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await server.query("INSERT INTO shop.v VALUES (1, VEC_FromText('[1, 2, 3]'), x'00', 'a')")
    await reader.waitFor(() => reader.committed.length === 1)
    const { columns } = reader.committed[0]!.table
    expect(columns.map(({ special }) => special)).toEqual([undefined, 'vector', undefined, undefined])
  })

  it('is found without metadata too, on a server with VECTOR, UUID and INET columns', async () => {
    await using server = await startMariadb({ version: '11.8', rowMetadata: 'NO_LOG' })
    await server.query('CREATE DATABASE shop')
    await server.query('CREATE TABLE shop.v (id INT PRIMARY KEY, v VECTOR(3) NOT NULL, u UUID, i4 INET4, i6 INET6)')
    await using reader = new RecordingSource(server.url)
    await reader.caughtUp()
    await server.query("INSERT INTO shop.v (id, v) VALUES (1, VEC_FromText('[1, 2, 3]'))")
    await reader.waitFor(() => reader.committed.length === 1)
    const { columns } = reader.committed[0]!.table
    expect(columns.map(({ special }) => special)).toEqual([undefined, 'vector', 'uuid', 'inet4', 'inet6'])
  })
})
