import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ColumnDef } from '../../src/model/table/table.ts'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'

const servers = (['10.11', '11.8'] as const).flatMap((version) =>
  (['FULL', 'NO_LOG'] as const).map((rowMetadata) => ({ version, rowMetadata })),
)

describe.each(servers)('MariaDB $version with $rowMetadata metadata', ({ version, rowMetadata }) => {
  let server: Awaited<ReturnType<typeof startMariadb>>

  beforeAll(async () => {
    server = await startMariadb({ version, rowMetadata })
    await server.query('CREATE DATABASE shop')
  })
  afterAll(() => server.stop())

  /** Runs the statements in one session; answers what was read. */
  async function changesOf(statements: readonly string[], count: number): Promise<RecordingSource> {
    const reader = new RecordingSource(server.url)
    await reader.caughtUp()
    const db = await server.connect()
    let written = 0
    for (const statement of statements) {
      // Where the stream names no columns, a reader that lags behind an ALTER refuses the rows before it.
      if (rowMetadata === 'NO_LOG' && statement.startsWith('ALTER')) {
        const expected = written
        await reader.waitFor(() => reader.committed.length === expected)
      }
      await db.query(statement)
      if (/^(INSERT|UPDATE|DELETE FROM)/.test(statement)) written += 1
    }
    await db.query('CREATE OR REPLACE TABLE shop.last (id INT PRIMARY KEY)')
    await db.query('INSERT INTO shop.last VALUES (1)')
    await db.end()
    await reader.waitFor(() => reader.changes.length > 0 && reader.committed.at(-1)!.table.name === 'last')
    await reader.stop()
    expect(reader.error).toBeNull()
    reader.changes.pop()
    expect(reader.changes).toHaveLength(count)
    return reader
  }

  const names = (columns: readonly ColumnDef[] | undefined): string[] => (columns ?? []).map(({ name }) => name)

  it.each(['FULL', 'MINIMAL', 'NOBLOB'])(
    'gives the changes of a versioned table without its history, with %s images',
    async (image) => {
      const { changes, committed } = await changesOf(
        [
          `SET binlog_row_image = ${image}`,
          'CREATE OR REPLACE TABLE shop.v (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING',
          'INSERT INTO shop.v VALUES (1, 1)',
          'UPDATE shop.v SET v = 2',
          'UPDATE shop.v SET v = 3',
          'DELETE FROM shop.v',
          'DELETE HISTORY FROM shop.v',
        ],
        4,
      )
      expect(changes.map(({ op, key }) => [op, key])).toEqual([
        ['insert', { id: 1 }],
        ['update', { id: 1 }],
        ['update', { id: 1 }],
        ['delete', { id: 1 }],
      ])
      expect(changes.map((change) => change.new?.['v'])).toEqual([1, 2, 3, undefined])
      expect(changes.slice(1, 3).map(({ changed }) => changed)).toEqual([['v'], ['v']])
      const { table } = committed[0]!
      expect([names(table.columns), names(table.hidden)]).toEqual([
        ['id', 'v'],
        ['row_start', 'row_end'],
      ])
    },
  )

  it('reads many rows of one statement, and changes of the key, correctly', async () => {
    const { changes } = await changesOf(
      [
        'CREATE OR REPLACE TABLE shop.v (id INT PRIMARY KEY, v INT, w INT WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING',
        'INSERT INTO shop.v VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3)',
        'UPDATE shop.v SET v = v + 10',
        'UPDATE shop.v SET w = 7 WHERE id = 1',
        'UPDATE shop.v SET id = 9 WHERE id = 3',
        'DELETE FROM shop.v',
      ],
      11,
    )
    const told = changes.map(({ op, old, new: row }) => [op, old?.['id'], row?.['id'], (row ?? old)?.['v']])
    expect(told.slice(0, 8)).toEqual([
      ['insert', undefined, 1, 1],
      ['insert', undefined, 2, 2],
      ['insert', undefined, 3, 3],
      ['update', 1, 1, 11],
      ['update', 2, 2, 12],
      ['update', 3, 3, 13],
      ['update', 1, 1, 11],
      ['update', 3, 9, 13],
    ])
    expect(changes[6]!.changed).toEqual(['w'])
    expect(told.slice(8).map(([op, id]) => [op, id])).toEqual([
      ['delete', 1],
      ['delete', 2],
      ['delete', 9],
    ])
  })

  it('keeps declared period columns, invisible ones too, but leaves them out of the key', async () => {
    const { changes, committed } = await changesOf(
      [
        `CREATE OR REPLACE TABLE shop.v (id INT PRIMARY KEY, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
           e TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, v INT, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING`,
        'INSERT INTO shop.v (id, v) VALUES (1, 1)',
        'UPDATE shop.v SET v = 2',
        'DELETE FROM shop.v',
        'DELETE HISTORY FROM shop.v',
      ],
      3,
    )
    expect(changes.map(({ op, key }) => [op, key])).toEqual([
      ['insert', { id: 1 }],
      ['update', { id: 1 }],
      ['delete', { id: 1 }],
    ])
    expect(names(committed[0]!.table.columns)).toEqual(['id', 's', 'e', 'v'])
    expect(changes[1]!.changed).toEqual(['s', 'v'])
  })

  it('leaves out the hash columns of long unique keys, in versioned tables too, whatever is added to them', async () => {
    const { changes, committed } = await changesOf(
      [
        'SET system_versioning_alter_history = KEEP',
        'CREATE OR REPLACE TABLE shop.h (id INT PRIMARY KEY, t TEXT, u TEXT, UNIQUE (t), UNIQUE (u))',
        "INSERT INTO shop.h VALUES (1, 'a', 'b')",
        "UPDATE shop.h SET t = 'c'",
        'ALTER TABLE shop.h ADD SYSTEM VERSIONING',
        "INSERT INTO shop.h VALUES (2, 'd', 'e')",
        'ALTER TABLE shop.h ADD COLUMN n INT',
        'DELETE FROM shop.h WHERE id = 2',
      ],
      4,
    )
    expect(changes.map(({ op, key, changed }) => [op, key, changed])).toEqual([
      ['insert', { id: 1 }, ['id', 't', 'u']],
      ['update', { id: 1 }, ['t']],
      ['insert', { id: 2 }, ['id', 't', 'u']],
      ['delete', { id: 2 }, ['id', 't', 'u']],
    ])
    expect(committed.slice(0, -1).map(({ table }) => names(table.columns).join())).toEqual([
      'id,t,u',
      'id,t,u',
      'id,t,u',
      'id,t,u,n',
    ])
  })

  it('reads columns that only have the name of hidden ones as ordinary columns', async () => {
    const { changes } = await changesOf(
      [
        `CREATE OR REPLACE TABLE shop.a (id INT, row_start TIMESTAMP(6) NOT NULL, row_end TIMESTAMP(6) NOT NULL,
           DB_ROW_HASH_1 BIGINT, PRIMARY KEY (id, row_end))`,
        "INSERT INTO shop.a VALUES (1, '2026-01-01', '2026-02-01', 3)",
        'DELETE FROM shop.a',
      ],
      2,
    )
    expect(changes.map(({ op, key }) => [op, Object.keys(key!)])).toEqual([
      ['insert', ['id', 'row_end']],
      ['delete', ['id', 'row_end']],
    ])
    expect(changes[0]!.new!['DB_ROW_HASH_1']).toBe(3)
  })

  it('leaves application-time periods as they are', async () => {
    const { changes } = await changesOf(
      [
        'CREATE OR REPLACE TABLE shop.p (id INT PRIMARY KEY, v INT, s DATE, e DATE, PERIOD FOR p (s, e))',
        "INSERT INTO shop.p VALUES (1, 1, '2026-01-01', '2027-01-01')",
        'UPDATE shop.p SET v = 2',
        'DELETE FROM shop.p',
      ],
      3,
    )
    expect(changes.map(({ op }) => op)).toEqual(['insert', 'update', 'delete'])
  })
})
