import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseSourceUrl } from '../../src/sources/mysql/source-address.ts'
import { ControlConnection } from '../../src/sources/mysql/server/login/control-connection.ts'
import type { Finding } from '../../src/sources/mysql/server/preflight/finding.ts'
import { preflight } from '../../src/sources/mysql/server/preflight/preflight.ts'
import { readServerFacts } from '../../src/sources/mysql/server/server-facts.ts'
import { RecordingSource } from '../support/recording-source.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { bingo } from './cli-process.ts'

const SHOP = `
CREATE DATABASE shop;
CREATE TABLE shop.parent (id INT PRIMARY KEY);
CREATE TABLE shop.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES shop.parent (id) ON DELETE CASCADE);
CREATE TABLE shop.\`odd \`\`name\` (id INT PRIMARY KEY, p INT,
  CONSTRAINT \`a, b\` FOREIGN KEY (p) REFERENCES shop.parent (id) ON DELETE RESTRICT ON UPDATE SET NULL);
CREATE TABLE shop.harmless (id INT PRIMARY KEY, p INT COMMENT 'FOREIGN KEY ON DELETE CASCADE',
  FOREIGN KEY (p) REFERENCES shop.parent (id) ON DELETE RESTRICT);
CREATE USER bingo@'%' IDENTIFIED BY 'secret';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO bingo@'%';
CREATE USER reader@'%' IDENTIFIED BY 'secret';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader@'%';
GRANT SELECT ON shop.* TO reader@'%';`

function urlOf({ port }: SqlServer, user: string): string {
  return `mysql://${user}:secret@127.0.0.1:${port}`
}

type Wants = (schema: string, table: string) => boolean

async function findings(url: string, wants: Wants = (schema) => schema === 'shop'): Promise<readonly Finding[]> {
  const control = new ControlConnection(parseSourceUrl(url), { connectTimeoutMs: 30_000, queryTimeoutMs: 30_000 })
  try {
    const facts = await readServerFacts(control)
    return await preflight({
      control,
      facts,
      serverId: 77,
      start: { tag: 'latest' },
      oneOfSeveral: false,
      wants,
      outboxes: [],
    })
  } finally {
    control.close()
  }
}

function messageOf(found: readonly Finding[], code: string): string | undefined {
  return found.find((finding) => finding.code === code)?.message
}

const servers: { readonly name: string; readonly start: () => Promise<SqlServer> }[] = [
  { name: 'MariaDB', start: () => startMariadb({ version: '10.11', args: ['--binlog-ignore-db=logs'] }) },
  {
    name: 'MySQL with innodb_native_foreign_keys',
    start: () => startMysql({ gtid: true, args: ['--innodb-native-foreign-keys=ON', '--binlog-do-db=shop'] }),
  },
]

describe.each(servers)('$name', ({ start, name }) => {
  let server: SqlServer
  beforeAll(async () => {
    server = await start()
    await server.query(SHOP)
  })
  afterAll(() => server.stop())

  test('names the tables whose rows a foreign key changes without the binlog', async () => {
    const message = messageOf(await findings(urlOf(server, 'reader')), 'BINGO_PREFLIGHT_CASCADE')
    expect(message).toContain('shop.child')
    expect(message).toContain('shop.odd `name')
    expect(message).not.toContain('harmless')
  })

  test('reports nothing about tables that no rule references', async () => {
    const found = await findings(urlOf(server, 'reader'), (_schema, table) => table === 'parent')
    expect(messageOf(found, 'BINGO_PREFLIGHT_CASCADE')).toBeUndefined()
  })

  test('names the filter of its binlog', async () => {
    const message = messageOf(await findings(urlOf(server, 'bingo')), 'BINGO_PREFLIGHT_BINLOG_FILTER')
    expect(message).toContain(name === 'MariaDB' ? 'binlog_ignore_db' : 'binlog_do_db')
    expect(message).toContain(name === 'MariaDB' ? 'logs' : 'shop')
  })

  test('the running daemon logs what it cannot see, and keeps reading', async () => {
    await using source = new RecordingSource(urlOf(server, 'reader'))
    await source.streaming()
    const warned = source.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['code'])
    expect(warned).toEqual(expect.arrayContaining(['BINGO_PREFLIGHT_CASCADE', 'BINGO_PREFLIGHT_BINLOG_FILTER']))
  })
})

test('MySQL that handles foreign keys above the engine logs the rows, and nothing is reported', async () => {
  await using server = await startMysql({ gtid: true })
  await server.query(SHOP)
  const found = await findings(urlOf(server, 'reader'))
  expect(found.map(({ code }) => code)).not.toContain('BINGO_PREFLIGHT_CASCADE')
  await using source = new RecordingSource(urlOf(server, 'reader'))
  await source.streaming()
  await server.query(
    'INSERT INTO shop.parent VALUES (1); INSERT INTO shop.child VALUES (1, 1); DELETE FROM shop.parent',
  )
  await source.waitFor(() => source.committed.some(({ op, table }) => op === 'delete' && table.name === 'child'))
})

test('MariaDB names its versioned tables and its virtual columns', async () => {
  await using server = await startMariadb({ version: '10.11' })
  await server.query(SHOP)
  await server.query('CREATE TABLE shop.v (id INT PRIMARY KEY, a INT) WITH SYSTEM VERSIONING')
  await server.query('CREATE TABLE shop.g (id INT PRIMARY KEY, a INT AS (id + 1) VIRTUAL, b INT AS (id + 2) STORED)')
  const found = await findings(urlOf(server, 'reader'))
  expect(messageOf(found, 'BINGO_PREFLIGHT_VERSIONED')).toContain('shop.v')
  const generated = messageOf(found, 'BINGO_PREFLIGHT_GENERATED')
  expect(generated).toContain('shop.g.a')
  expect(generated).not.toContain('shop.g.b')
})

test('names, comments and views do not confuse what MariaDB says of its tables', async () => {
  await using server = await startMariadb({ version: '10.11' })
  await server.query(`CREATE DATABASE shop;
    CREATE TABLE shop.plain (id INT PRIMARY KEY COMMENT 'it''s \\\\'' AS (id) VIRTUAL') COMMENT 'WITH SYSTEM VERSIONING';
    CREATE TABLE shop.\`it's\` (id INT PRIMARY KEY, \`a \`\`b\` INT AS (id + 1) VIRTUAL COMMENT 'c');
    CREATE TABLE shop.gone (id INT); CREATE VIEW shop.broken AS SELECT * FROM shop.gone; DROP TABLE shop.gone;
    CREATE VIEW shop.view AS SELECT * FROM shop.plain;
    CREATE TABLE shop.parts (id INT PRIMARY KEY) WITH SYSTEM VERSIONING
      PARTITION BY SYSTEM_TIME (PARTITION p0 HISTORY, PARTITION pn CURRENT)`)
  const found = await findings(server.url)
  expect(messageOf(found, 'BINGO_PREFLIGHT_VERSIONED')).toMatch(/^shop\.parts keeps /)
  expect(messageOf(found, 'BINGO_PREFLIGHT_GENERATED')).toMatch(/^shop\.it's\.a `b is a VIRTUAL column/)
  await server.query('SET GLOBAL sql_quote_show_create = 0; CREATE TABLE shop.g (id INT, c INT AS (id + 1) VIRTUAL)')
  expect(messageOf(await findings(server.url), 'BINGO_PREFLIGHT_GENERATED')).toContain('shop.g.c')
})

test.each(['bingo', 'root'])('a MariaDB replica without a log of its own is named, asked as %s', async (user) => {
  await using primary = await startMariadb({ version: '10.11', serverId: 1 })
  await using replica = await startMariadb({ version: '10.11', serverId: 2 })
  await replica.query(
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port}, MASTER_USER = 'root', MASTER_USE_GTID = slave_pos; START SLAVE`,
  )
  await primary.query(SHOP)
  const [row] = await primary.query('SELECT @@GLOBAL.gtid_binlog_pos AS at')
  await replica.query('SELECT MASTER_GTID_WAIT(?)', [row!['at']])
  const url = user === 'root' ? replica.url : urlOf(replica, user)
  expect(messageOf(await findings(url), 'BINGO_PREFLIGHT_REPLICA_UPDATES')).toContain('rules never see them')
  const alone = await findings(user === 'root' ? primary.url : urlOf(primary, user))
  expect(messageOf(alone, 'BINGO_PREFLIGHT_REPLICA_UPDATES')).toBeUndefined()
})

describe('check --online', () => {
  let server: SqlServer
  let folder: string
  beforeAll(async () => {
    server = await startMysql({ gtid: true })
    await server.query(SHOP)
    await server.query("CREATE TABLE shop.secret (id INT PRIMARY KEY, name VARCHAR(10)); CREATE USER partial@'%'")
    await server.query("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO partial@'%'")
    await server.query("GRANT SELECT (id) ON shop.secret TO partial@'%'; GRANT SELECT ON shop.parent TO partial@'%'")
    await server.query("ALTER USER partial@'%' IDENTIFIED BY 'secret'")
    folder = await mkdtemp(join(tmpdir(), 'bingo-check-'))
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  async function checked(
    user: string,
    table: string,
    filter = 'new.id > 0',
  ): Promise<{ code: number | null; text: string }> {
    const rules = join(folder, 'rules.yaml')
    await writeFile(rules, `rules:\n  - {id: one, table: ${table}, filter: "${filter}", actions: [{type: log}]}\n`)
    const url = user === 'root' ? server.url : urlOf(server, user)
    const env = { BINGO_SOURCE_URL: url, BINGO_RULES: rules }
    const { code, stdout, stderr } = await bingo(['check', '--online'], { env })
    return { code, text: stdout + stderr }
  }

  test('reports that columns cannot be checked without SELECT, with the grant', async () => {
    const { code, text } = await checked('bingo', 'shop.parent', 'new.nothing > 0')
    expect(code).toBe(0)
    expect(text).toContain('BINGO_CHECK_NO_TABLES')
    expect(text).toContain("GRANT SELECT ON your_database.* TO 'bingo'@'%'")
    expect(text).not.toContain('BINGO_RULE_NO_TABLE')
  })

  test('distinguishes a table that the account cannot see from one that does not exist', async () => {
    const hidden = await checked('partial', 'shop.child')
    expect(hidden.text).toMatch(/no visible table matches rule "one"/)
    expect(hidden.text).toContain("GRANT SELECT ON your_database.* TO 'partial'@'%'")
    const missing = await checked('root', 'shop.nowhere')
    expect(missing.text).toContain('no visible table matches "shop.nowhere"')
  })

  test('a column that the account may not see is not reported as missing', async () => {
    expect((await checked('partial', 'shop.secret', "new.name == 'x'")).code).toBe(0)
    expect((await checked('partial', 'shop.parent', "new.name == 'x'")).code).toBe(1)
  })
})
