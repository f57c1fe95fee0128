import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'

const UUID = '123e4567-e89b-42d3-a456-426655440000'

describe.each(['10.11', '11.8'] as const)('Types that MariaDB %s hides', (version) => {
  let server: Awaited<ReturnType<typeof startMariadb>>
  /** Of an account that may read the binlog alone. */
  let blindUrl: string

  beforeAll(async () => {
    server = await startMariadb({ version })
    await server.query('CREATE DATABASE shop')
    await server.query("CREATE USER blind@'%' IDENTIFIED BY 'secret'")
    await server.query("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO blind@'%'")
    const url = new URL(server.url)
    url.username = 'blind'
    url.password = 'secret'
    blindUrl = url.href
  })
  afterAll(() => server.stop())

  it('are not suspected in text, compressed or longer columns, so that no account needs SELECT for them', async () => {
    await server.query(
      `CREATE OR REPLACE TABLE shop.plain (id INT PRIMARY KEY, a CHAR(1) CHARACTER SET utf8mb4, b CHAR(4) CHARACTER SET latin1,
         c CHAR(16) CHARACTER SET ascii, d CHAR(36), e VARCHAR(40) COMPRESSED, f BINARY(15), g TIMESTAMP(6) NOT NULL, h TEXT COMPRESSED)`,
    )
    await using reader = new RecordingSource(blindUrl)
    await reader.caughtUp()
    await server.query(
      "INSERT INTO shop.plain VALUES (1, 'ä', 'four', 'c', 'd', REPEAT('e', 30), x'0f', '2026-01-01', REPEAT('h', 500))",
    )
    await reader.waitFor(() => reader.changes.length === 1)
    expect(reader.changes[0]!.new).toMatchObject({ a: 'ä', b: 'four', c: 'c', d: 'd', e: 'e'.repeat(30) })
  })

  it.each([
    ['BINARY(4)', "x'01020304'"],
    ['BINARY(16)', "x'01'"],
    ['INET6', "'::1'"],
    ['UUID', `'${UUID}'`],
  ])('%s: an error tells an account without SELECT that it needs it', async (type, value) => {
    // A CREATE TABLE that is read from the binlog would give the columns.
    await server.query(`CREATE OR REPLACE TABLE shop.secret (id INT PRIMARY KEY, v ${type})`)
    await using reader = new RecordingSource(blindUrl)
    await reader.caughtUp()
    expect(reader.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining('lacks SELECT'))
    await server.query(`INSERT INTO shop.secret VALUES (1, ${value})`)
    expect(await reader.failure()).toMatchObject({
      code: 'BINGO_SCHEMA_UNKNOWN',
      hint: expect.stringContaining('GRANT SELECT') as string,
    })
  })

  const CREATE = `CREATE OR REPLACE TABLE shop.t (id INT PRIMARY KEY, u UUID, b BINARY(16), i INET6)`
  const INSERT = `INSERT INTO shop.t VALUES (1, '${UUID}', x'01', '::1')`
  const b = Buffer.from('01000000000000000000000000000000', 'hex').toString('base64')

  /** Reads the INSERT from behind what was done to the table later. */
  async function readLate(alter: string): Promise<RecordingSource> {
    await server.query(CREATE)
    const before = new RecordingSource(server.url)
    await before.caughtUp()
    await server.query('INSERT INTO shop.t (id) VALUES (0)')
    await before.waitFor(() => before.committed.length === 1)
    const checkpoint = before.checkpoint()
    await before.stop()
    await server.query(INSERT)
    await server.query(alter)
    await server.query('CREATE OR REPLACE TABLE shop.last (id INT PRIMARY KEY)')
    await server.query('INSERT INTO shop.last VALUES (1)')
    const late = new RecordingSource(server.url, { checkpoint })
    await late.waitFor(() => late.committed.at(-1)?.table.name === 'last')
    await late.stop()
    expect(late.error).toBeNull()
    return late
  }

  const doubts = ({ lines }: RecordingSource): unknown[] =>
    lines.filter(({ fields }) => fields['code'] === 'BINGO_SCHEMA_ASSUMED').map(({ fields }) => fields['columns'])

  it.each([
    'ALTER TABLE shop.t ADD COLUMN n INT AFTER id',
    'ALTER TABLE shop.t DROP PRIMARY KEY, ADD COLUMN name TEXT',
    'CREATE INDEX late ON shop.t (id)',
  ])('are certain after %s', async (alter) => {
    const late = await readLate(alter)
    expect(late.changes[0]!.new).toEqual({ id: 1, u: UUID, b, i: '::1' })
    expect(doubts(late)).toEqual([])
  })

  it('are taken as they are now, with a warning, after an ALTER that names the column', async () => {
    const late = await readLate('ALTER TABLE shop.t MODIFY u UUID NULL')
    expect(late.changes[0]!.new).toEqual({ id: 1, u: UUID, b, i: '::1' })
    expect(doubts(late)).toEqual([['u (taken for UUID)']])
  })

  it.each([
    ['ALTER TABLE shop.t DROP COLUMN u', { id: 1, b, i: '::1' }, [['u (left out)']]],
    ['ALTER TABLE shop.t MODIFY u VARCHAR(36)', { id: 1, b, i: '::1' }, [['u (left out)']]],
    ['DROP TABLE shop.t', { id: 1 }, [['u (left out)', 'b (left out)', 'i (left out)']]],
  ])('are omitted, with a warning, after %s', async (alter, row, told) => {
    const late = await readLate(alter)
    expect(late.changes[0]!.new).toEqual(row)
    expect(doubts(late)).toEqual(told)
  })

  it('do not turn a versioned table into a plain one after an ALTER or DROP', async () => {
    for (const after of ['ALTER TABLE shop.t DROP SYSTEM VERSIONING', 'DROP TABLE shop.t']) {
      await server.query('DROP TABLE IF EXISTS shop.t')
      await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING')
      const before = new RecordingSource(server.url)
      await before.caughtUp()
      await server.query('INSERT INTO shop.t VALUES (1, 1)')
      await before.waitFor(() => before.changes.length === 1)
      const checkpoint = before.checkpoint()
      await before.stop()
      await server.query('UPDATE shop.t SET v = 2')
      await server.query('DELETE FROM shop.t')
      await server.query(after)
      await using late = new RecordingSource(server.url, { checkpoint })
      await late.waitFor(() => late.ddl.length === 1)
      expect(late.changes.map(({ op, key }) => [op, key])).toEqual([
        ['update', { id: 1 }],
        ['delete', { id: 1 }],
      ])
    }
  })
})
