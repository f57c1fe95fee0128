import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { bingo } from './cli-process.ts'

const LOWER = { gtid: true, lowerCaseNames: 1 } as const

describe.each([
  ['MySQL with FULL metadata', () => startMysql(LOWER)],
  ['MySQL with MINIMAL metadata', () => startMysql({ ...LOWER, rowMetadata: 'MINIMAL' })],
  ['MariaDB with FULL metadata', () => startMariadb({ ...LOWER, version: '10.11' })],
  ['MariaDB with NO_LOG metadata', () => startMariadb({ ...LOWER, version: '11.8', rowMetadata: 'NO_LOG' })],
] as const)('%s and lower_case_table_names=1', (_, start) => {
  let server: SqlServer
  let folder: string

  beforeAll(async () => {
    server = await start()
    folder = await mkdtemp(join(tmpdir(), 'bingo-case-'))
    await server.query('CREATE DATABASE Shop; CREATE TABLE Shop.Users (Id INT PRIMARY KEY, Name VARCHAR(20))')
    await server.query('CREATE TABLE SHOP.Orders (id INT PRIMARY KEY)')
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  const rules = (table: string): string =>
    `rules: [{id: one, table: ${table}, events: [insert, update, delete, truncate], actions: [{type: log, path: audit.log}]}]`

  test('has names in lower case for rows and statements, however they are written', async () => {
    await using daemon = await Daemon.start({ rules: rules('"shop.*"'), sourceUrl: server.url })
    const delivered = () => daemon.metric('bingo_rule_delivered_total{rule="one"}')
    await server.query("INSERT INTO sHOP.uSERS VALUES (1, 'a'); UPDATE Shop.Users SET name = 'b'")
    // Without metadata, columns are looked up in their present state: nothing from before may be unread by then.
    await eventually('the first two were delivered', async () => (await delivered()) === 2)
    await server.query('ALTER TABLE SHOP.USERS ADD COLUMN Note INT')
    await server.query("INSERT INTO Shop.Users VALUES (2, 'a', 1); TRUNCATE TABLE Shop.ORDERS; DELETE FROM shop.users")
    await eventually('all were delivered', async () => (await delivered()) === 6)
    expect(await daemon.metric('bingo_dead_letters')).toBe(0)
    expect(await daemon.metric('bingo_rule_table_warnings')).toBe(0)
  })

  test('a rule in another letter case is named, by the daemon and by check --online', async () => {
    await using daemon = await Daemon.start({ rules: rules('Shop.Orders'), sourceUrl: server.url })
    await server.query('INSERT INTO Shop.Orders VALUES (1)')
    await daemon.shows('bingo_rule_table_warnings', 1)
    const [line] = await daemon.says({ code: 'BINGO_RULE_TABLE_CASE' })
    expect(line.msg).toMatch(/rules\.yaml:1:\d+ .*"Shop\.Orders" does not match the table shop\.orders/)
    await writeFile(join(folder, 'rules.yaml'), rules('Shop.Orders'))
    const env = { BINGO_SOURCE_URL: server.url, BINGO_RULES: join(folder, 'rules.yaml') }
    const { stderr } = await bingo(['check', '--online'], { env, cwd: folder })
    expect(stderr).toContain('warning BINGO_RULE_TABLE_CASE "Shop.Orders" never matches')
    expect(stderr).toContain('write "shop.orders"')
  })
})

test('a server that keeps the letter case: a rule that differs in it only is named', async () => {
  await using server = await startMysql({ gtid: true })
  await server.query('CREATE DATABASE shop; CREATE TABLE shop.Users (id INT PRIMARY KEY)')
  const rules = 'rules: [{id: one, table: shop.users, actions: [{type: log, path: audit.log}]}]'
  await using daemon = await Daemon.start({ rules, sourceUrl: server.url })
  await server.query('INSERT INTO shop.Users VALUES (1)')
  const [line] = await daemon.says({ code: 'BINGO_RULE_TABLE_CASE' })
  expect(line.msg).toContain('shop.Users')
})
