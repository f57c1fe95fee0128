import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { ControlConnection } from '../../src/sources/mysql/server/login/control-connection.ts'
import { outboxTables, type WatchedOutbox } from '../../src/sources/mysql/server/preflight/outbox-tables.ts'
import { readServerFacts } from '../../src/sources/mysql/server/server-facts.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { withAllPlugins } from '../support/servers/mariadb-plugins.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { fileLines } from '../support/file-lines.ts'

const COLUMNS = 'aggregate_id VARCHAR(64), topic VARCHAR(64), payload LONGTEXT'

describe.each([
  ['MySQL', () => startMysql({ gtid: true, args: ['--sync-binlog=0'] }), null],
  [
    'MariaDB',
    async () => startMariadb({ args: [...(await withAllPlugins()), '--sync-binlog=0'] }),
    "INSTALL SONAME 'ha_blackhole'",
  ],
] as const)('an outbox without rows on %s', (_name, start, install) => {
  let sql: SqlServer

  beforeAll(async () => {
    sql = await start()
    if (install !== null) await sql.query(install)
    await sql.query('CREATE DATABASE shop')
    await sql.query('CREATE TABLE shop.orders (id INT PRIMARY KEY)')
    await sql.query(`CREATE TABLE shop.hole (id VARCHAR(64) NOT NULL, ${COLUMNS}) ENGINE = BLACKHOLE`)
  })
  afterAll(() => sql?.stop())

  async function findings(table: string, outbox: Partial<WatchedOutbox>, url = sql.url): Promise<readonly string[]> {
    const control = new ControlConnection(parseSourceUrl(url), { connectTimeoutMs: 30_000, queryTimeoutMs: 30_000 })
    try {
      const watched = { matches: (schema: string, name: string) => schema === 'shop' && name === table, id: 'id' }
      const found = await outboxTables(control, await readServerFacts(control), [
        { after: 'none', ...watched, ...outbox },
      ])
      return found.map(({ severity, code, message, sql: statement }) => `${severity} ${code} ${message} | ${statement}`)
    } finally {
      control.close()
    }
  }

  test('publishes what was committed, and nothing that was rolled back', async () => {
    await using bingo = await Daemon.prepare({ rules: 'rules: []', sourceUrl: sql.url })
    const config = join(bingo.folder, 'config.yaml')
    await writeFile(config, 'outbox: [{table: shop.hole, after: none, to: {type: log, path: lines.jsonl}}]')
    bingo.spawn({ BINGO_CONFIG: config })
    await bingo.ready()
    const insert = (n: number): string => `INSERT INTO shop.hole VALUES ('e-${n}', 'a', 'orders', '{"n": ${n}}')`
    await sql.query(`BEGIN; INSERT INTO shop.orders VALUES (1); ${insert(1)}; COMMIT`)
    await sql.query(`BEGIN; INSERT INTO shop.orders VALUES (2); ${insert(2)}; ROLLBACK`)
    await sql.query(
      `BEGIN; INSERT INTO shop.orders VALUES (3); SAVEPOINT s; ${insert(3)}; ROLLBACK TO s; ${insert(4)}; COMMIT`,
    )
    const lines = join(bingo.folder, 'lines.jsonl')
    await eventually('both are there', async () => (await fileLines(lines)).length >= 2)
    expect((await fileLines(lines)).map((line) => JSON.parse(line) as unknown)).toEqual([{ n: 1 }, { n: 4 }])
    expect(await sql.query('SELECT COUNT(*) AS n FROM shop.hole')).toMatchObject([{ n: 0 }])
  })

  test('is refused where rows are to be marked or deleted, or ids are counted', async () => {
    await sql.query(`CREATE TABLE shop.counted (id INT AUTO_INCREMENT PRIMARY KEY, ${COLUMNS}) ENGINE = BLACKHOLE`)
    const sync = expect.stringMatching(
      /^warning BINGO_OUTBOX_BLACKHOLE .*sync_binlog is not 1.* \| SET .* sync_binlog = 1;$/,
    )
    expect(await findings('hole', {})).toEqual([sync])
    expect(await findings('hole', { after: 'mark' })).toEqual([
      'error BINGO_OUTBOX_BLACKHOLE The outbox shop.hole is a BLACKHOLE table, which stores no rows: "after: mark" has none to mark. Write after: none | null',
      sync,
    ])
    expect(await findings('counted', {})).toEqual([
      sync,
      expect.stringMatching(/^error BINGO_OUTBOX_BLACKHOLE The id of the outbox shop.counted is AUTO_INCREMENT/),
    ])
    expect(await findings('counted', { id: null })).toEqual([sync])
  })

  test('other tables are checked for engine, key, column and privileges', async () => {
    await sql.query(`CREATE TABLE shop.isam (id VARCHAR(64) PRIMARY KEY, ${COLUMNS}) ENGINE = MyISAM`)
    await sql.query(`CREATE TABLE shop.plain (id VARCHAR(64), ${COLUMNS})`)
    await sql.query(`CREATE TABLE shop.marked (id VARCHAR(64) PRIMARY KEY, processed_at DATETIME(3), ${COLUMNS})`)
    expect(await findings('isam', {})).toEqual([expect.stringMatching(/^warning BINGO_OUTBOX_ENGINE .*ROLLBACK/)])
    expect(await findings('plain', { after: 'mark' })).toEqual([
      expect.stringMatching(/^error BINGO_OUTBOX_AFTER The outbox shop.plain has no primary key/),
      expect.stringMatching(/^error BINGO_OUTBOX_AFTER The outbox shop.plain has no column processed_at/),
    ])
    expect(await findings('marked', { after: 'mark' })).toEqual([])
    expect(await findings('marked', { after: 'delete' })).toEqual([])
    await sql.query("CREATE USER 'reader'@'%' IDENTIFIED BY 'Secret-1234'")
    await sql.query("GRANT SELECT ON shop.* TO 'reader'@'%'")
    const reader = new URL(sql.url)
    reader.username = 'reader'
    reader.password = 'Secret-1234'
    expect(await findings('marked', { after: 'mark' }, reader.href)).toEqual([
      "error BINGO_OUTBOX_AFTER The account may not mark rows of the outbox shop.marked | GRANT SELECT, UPDATE ON `shop`.`marked` TO 'reader'@'%';",
    ])
    expect(await findings('marked', { after: 'delete' }, reader.href)).toEqual([
      expect.stringContaining('GRANT SELECT, DELETE ON `shop`.`marked`'),
    ])
  })
})
