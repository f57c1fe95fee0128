import type { Connection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRowsEvents, type SqlServer } from '../support/binlog-rows.ts'
import { expectAsPrinted } from '../support/printed-values.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'

describe.each([
  { title: 'MySQL', start: () => startMysql({}) },
  { title: 'MariaDB', start: () => startMariadb({ version: '11.8' }) },
])('Row images of $title', ({ title, start }) => {
  let server: SqlServer
  let db: Connection

  beforeAll(async () => {
    server = await start()
    db = await server.connect()
    await db.query('CREATE DATABASE shop')
    await db.query('USE shop')
  })
  afterAll(async () => {
    await db.end()
    await server.stop()
  })

  it('contain the columns that MINIMAL writes and the key; the others are not properties', async () => {
    await db.query("SET binlog_row_image = 'MINIMAL'")
    await db.query('CREATE TABLE minimal (id INT PRIMARY KEY, a INT DEFAULT 7, b VARCHAR(20), c BLOB)')
    await db.query("INSERT INTO minimal (id, b) VALUES (1, 'x')")
    await db.query('UPDATE minimal SET b = NULL')
    await db.query('DELETE FROM minimal')
    const rows = (await readRowsEvents(server, 'minimal')).flatMap((event) => event.rows)
    expect(rows).toEqual([
      { old: null, new: { id: 1, b: 'x' } },
      { old: { id: 1 }, new: { id: 1, b: null } },
      { old: { id: 1 }, new: null },
    ])
    expect(Object.keys(rows[1]!.new!)).toEqual(['id', 'b'])
  })

  it('of NOBLOB have what did not change where the row before has it', async () => {
    await db.query("SET binlog_row_image = 'NOBLOB'")
    await db.query('CREATE TABLE noblob (id INT PRIMARY KEY, a INT, c BLOB)')
    await db.query("INSERT INTO noblob VALUES (1, 2, x'00')")
    await db.query('UPDATE noblob SET a = 3')
    const rows = (await readRowsEvents(server, 'noblob')).flatMap((event) => event.rows)
    expect(rows[1]).toEqual({ old: { id: 1, a: 2 }, new: { id: 1, a: 3 } })
  })

  // MySQL has no such images, and MariaDB since 11.4.
  it.each(title === 'MariaDB' ? ['FULL_NODUP'] : [])('of %s are completed', async (image) => {
    await db.query('SET binlog_row_image = ?', [image])
    await db.query('CREATE TABLE nodup (id INT PRIMARY KEY, a INT, b VARCHAR(9), c BLOB, g INT AS (a + 1) STORED)')
    await db.query("INSERT INTO nodup (id, a, b, c) VALUES (1, 2, 'x', x'00')")
    await db.query('UPDATE nodup SET a = 3')
    await db.query('UPDATE nodup SET id = 4, b = NULL')
    await db.query('DELETE FROM nodup')
    const rows = (await readRowsEvents(server, 'nodup')).flatMap((event) => event.rows)
    const first = { id: 1, a: 2, b: 'x', c: 'AA==' }
    const second = { ...first, a: 3 }
    const third = { ...second, id: 4, b: null }
    expect(rows).toEqual([
      { old: null, new: { ...first, g: 3 } },
      { old: first, new: second },
      { old: second, new: third },
      { old: third, new: null },
    ])
  })

  it('without any column are one row', async () => {
    await db.query("SET binlog_row_image = 'MINIMAL'")
    await db.query('CREATE TABLE defaults (a INT DEFAULT 1, b VARCHAR(5))')
    await db.query('INSERT INTO defaults () VALUES ()')
    const events = await readRowsEvents(server, 'defaults')
    expect(events.flatMap((event) => event.rows)).toHaveLength(1)
    const two = await db.query('INSERT INTO defaults () VALUES (), ()').then(
      () => 'written with columns',
      ({ code }: { code: string }) => code,
    )
    expect(two).toBe(title === 'MySQL' ? 'ER_BINLOG_ROW_LOGGING_FAILED' : 'written with columns')
  })

  it('hold columns called like parts of every JavaScript object', async () => {
    await db.query("SET binlog_row_image = 'FULL'")
    await db.query(
      'CREATE TABLE names (id INT PRIMARY KEY, `__proto__` INT, `constructor` VARCHAR(9), `toString` INT, `a"b\\\\c\'` INT, `7` INT)',
    )
    await db.query("INSERT INTO names VALUES (1, 2, 'x', 3, 4, 5)")
    const [event] = await readRowsEvents(server, 'names')
    const row = event!.rows[0]!.new!
    const names = event!.table.columns.map(({ name }) => name)
    expect(names.map((name) => row[name])).toEqual([1, 2, 'x', 3, 4, 5])
    expect(new Set(Object.keys(row))).toEqual(new Set(names))
    expect(row['valueOf']).toBe(undefined)
  })

  it('of a thousand columns and of 64 MB are read', async () => {
    const columns = Array.from({ length: 1000 }, (_, i) => `c${i} ${i % 7 === 3 ? 'TINYTEXT' : 'SMALLINT'}`)
    await db.query(`CREATE TABLE wide (id INT PRIMARY KEY, ${columns.join(', ')})`)
    await db.query("INSERT INTO wide (id, c0, c3, c500, c997, c999) VALUES (1, 5, 'first', -3, 'last', 7)")
    await db.query('INSERT INTO wide (id) VALUES (2)')
    const wide = await readRowsEvents(server, 'wide')
    await expectAsPrinted(
      db,
      wide[0]!.table,
      wide.flatMap((event) => event.rows.map((row) => row.new!)),
    )
    // MySQL: 3,000 names of 64 characters are half a megabyte. MariaDB's definition of a table has to fit into 64 KB.
    const [count, length] = title === 'MySQL' ? [3000, 64] : [1800, 6]
    const most = Array.from({ length: count }, (_, i) => `\`${`€${i}`.padEnd(length, '長')}\` TINYINT`)
    await db.query(`CREATE TABLE widest (id INT PRIMARY KEY, ${most.join(', ')}) ENGINE = MyISAM`)
    await db.query(`INSERT INTO widest VALUES (1${', 7'.repeat(most.length - 1)}, -7)`)
    const [widest] = await readRowsEvents(server, 'widest')
    await expectAsPrinted(db, widest!.table, [widest!.rows[0]!.new!])
    await db.query('SET GLOBAL max_allowed_packet = 134217728')
    const big = await server.connect()
    await big.query('CREATE TABLE shop.big (id INT PRIMARY KEY, v LONGTEXT, w INT)')
    await big.query("INSERT INTO shop.big VALUES (1, REPEAT('x', 64 << 20), 9)")
    await big.end()
    const [row] = (await readRowsEvents(server, 'big')).flatMap((event) => event.rows)
    expect((row!.new!['v'] as string).length).toBe(64 << 20)
    expect(row!.new!['w']).toBe(9)
  })
})

describe('JSON diffs (binlog_row_value_options = PARTIAL_JSON)', () => {
  let server: SqlServer
  let db: Connection

  beforeAll(async () => {
    server = await startMysql({ args: ['--binlog-row-value-options=PARTIAL_JSON'] })
    db = await server.connect()
    await db.query('CREATE DATABASE shop')
    await db.query('USE shop')
  })
  afterAll(async () => {
    await db.end()
    await server.stop()
  })

  const updates = [
    `UPDATE docs SET a = JSON_SET(a, '$.n', 2)`,
    `UPDATE docs SET a = JSON_SET(a, '$.list[1]', 'two', '$.n', 3)`,
    `UPDATE docs SET a = JSON_REMOVE(a, '$.list[0]')`,
    `UPDATE docs SET a = JSON_SET(a, '$.added', JSON_OBJECT('deep', JSON_ARRAY(1, 2)))`,
    `UPDATE docs SET a = JSON_REMOVE(a, '$.n'), b = JSON_REPLACE(b, '$[0]', 1.5)`,
    `UPDATE docs SET a = JSON_SET(a, '$."a key".x', 'ü€'), n = n + 1`,
    `UPDATE docs SET b = JSON_SET(b, '$[5]', 'end')`,
    `UPDATE docs SET b = JSON_SET(b, '$[1][1]', 'wrapped')`,
    `UPDATE docs SET b = JSON_ARRAY_INSERT(b, '$[1]', JSON_ARRAY(7)), a = JSON_MERGE_PATCH(a, '{"n": 8}')`,
    `UPDATE docs SET a = '{"list": [1], "n": 1, "whole": true}'`,
    `UPDATE docs SET a = JSON_SET(a, '$.n', 5), c = JSON_SET(c, '$.q', 1)`,
    `UPDATE docs SET b = NULL, a = JSON_SET(a, '$.n', 6)`,
    `UPDATE docs SET a = JSON_SET(a, '$."quo\\\\"te"', 1, '$."__proto__"', 2)`,
  ]

  /** Answers the documents that each UPDATE leaves behind. */
  async function writeDocuments(): Promise<unknown[][]> {
    await db.query('DROP TABLE IF EXISTS docs')
    await db.query('CREATE TABLE docs (id INT PRIMARY KEY, a JSON, n INT, b JSON, t VARCHAR(9), c JSON)')
    const filler = `JSON_ARRAY(REPEAT('x', 300))`
    await db.query(
      `INSERT INTO docs VALUES (1, JSON_OBJECT('n', 1, 'list', JSON_ARRAY(1, 2, 3), 'a key', JSON_OBJECT('x', 'abcdefgh'), 'filler', ${filler}),
       1, JSON_ARRAY(12345.5, 'x', ${filler}), 't', JSON_OBJECT('q', 2, 'filler', ${filler}))`,
    )
    const documents: unknown[][] = []
    for (const update of updates) {
      await db.query(update)
      const [rows] = await db.query('SELECT a, b, c FROM docs')
      documents.push(Object.values((rows as object[])[0]!))
    }
    return documents
  }

  it('give the whole new document', async () => {
    const documents = await writeDocuments()
    const events = await readRowsEvents(server, 'docs')
    const changes = events.filter((event) => event.shape.op === 'update')
    expect(changes.some((event) => event.shape.partialJson)).toBe(true)
    const after = changes.flatMap((event) => event.rows.map(({ new: row }) => [row!['a'], row!['b'], row!['c']]))
    expect(after.map((row) => JSON.stringify(row, sortKeys))).toEqual(
      documents.map((row) => JSON.stringify(row, sortKeys)),
    )
  })

  it('leave a document absent where the before image lacks it', async () => {
    await db.query("SET binlog_row_image = 'MINIMAL'")
    await writeDocuments()
    const events = (await readRowsEvents(server, 'docs')).filter((event) => !event.shape.presentOld.all)
    const rows = events.filter((event) => event.shape.op === 'update').flatMap((event) => event.rows)
    expect(rows).toHaveLength(updates.length)
    expect(rows[0]!.new!['a']).toBe(undefined)
    expect(rows[9]!.new!['a']).toEqual({ list: [1], n: 1, whole: true })
  })
})

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
