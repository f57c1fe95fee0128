import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { bingo as cli } from './cli-process.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { inTurns } from '../support/forms.ts'

const KINDS = `id INT PRIMARY KEY, big BIGINT UNSIGNED, small TINYINT, price DECIMAL(20,4), f FLOAT, d DOUBLE,
  day DATE, at DATETIME(3), seen TIMESTAMP(6) NULL, clock TIME(2), year YEAR, bits BIT(5), name VARCHAR(40),
  bin VARBINARY(8), note TEXT, raw_ BLOB, kind ENUM('a','ü'), doc JSON, spot POINT`
const STRANGE = `18446744073709551615, -5, -0.0500, 1.1, 0.1, '2026-11-20', '2026-11-20 10:00:00.120',
  '2026-11-20 10:00:00.5', '-10:11:12.34', 2026, b'10101', 'it''s "ü" 😀', x'00ff', '', x'', 'ü', '{"a": [1, null]}',
  ST_GeomFromText('POINT(1 2)')`
const NULLS = Array.from({ length: 18 }, () => 'NULL').join(', ')

const sharing = inTurns(['MySQL', 'MariaDB'])

describe.each([
  ['MySQL', startMysql],
  ['MariaDB', startMariadb],
] as const)('a rule with a lookup on %s', (kind, start) => {
  const test = sharing(kind)
  let server: SqlServer
  let redis: RedisServer
  let proxy: TcpProxy

  beforeAll(async () => {
    ;[server, redis] = await Promise.all([start({ gtid: true }), startRedis({})])
    proxy = await TcpProxy.start({ host: server.host, port: server.port })
    await server.query('CREATE DATABASE shop')
    await server.query('CREATE TABLE shop.customers (id INT PRIMARY KEY, name VARCHAR(40), vip TINYINT NOT NULL)')
    await server.query('CREATE TABLE shop.orders (id INT PRIMARY KEY, customer_id INT)')
    await server.query(`CREATE TABLE shop.kinds (${KINDS})`)
  })
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]()
    await Promise.all([server?.stop(), redis?.stop()])
  })
  beforeEach(async () => {
    for (const table of ['customers', 'orders', 'kinds']) await server.query(`DELETE FROM shop.${table}`)
    await redis.cli('FLUSHALL')
    await server.query("INSERT INTO shop.customers VALUES (1, 'Ada', 1), (2, 'Bob', 0), (3, NULL, 1)")
  })

  const daemon = (rules: string): Promise<Daemon> =>
    Daemon.start({ rules: `rules:\n${rules}`, sourceUrl: server.url, env: { BINGO_REDIS_URL: redis.url } })
  const throughProxy = (): string => {
    const url = new URL(server.url)
    url.port = String(proxy.port)
    return url.href
  }
  const list = async (key: string): Promise<readonly string[]> =>
    (await redis.cli('--raw', 'LRANGE', key, '0', '-1')).replace(/\n$/, '').split('\n')
  const executed = async (): Promise<number> => {
    const rows = (await server.query("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")) as { Value: string }[]
    return Number(rows[0]!.Value)
  }
  const orders = (from: number, count: number, customer: string): Promise<unknown> => {
    const rows = Array.from({ length: count }, (_, i) => `(${from + i}, ${customer})`)
    return server.query(`INSERT INTO shop.orders VALUES ${rows.join(', ')}`)
  }

  test('renders the row of another table, asks it in when, and keeps the place of each event', async () => {
    await using bingo = await daemon(`
  - id: paid
    table: shop.orders
    lookup:
      customer: {sql: "SELECT name, vip FROM shop.customers WHERE id = ?", params: ["{{new.customer_id}}"]}
    events: [INSERT, UPDATE]
    actions:
      - type: redis
        cmd: RPUSH
        key: all
        value: "{{op}} {{id}} {{lookup.customer.NAME}}"
      - {type: redis, cmd: RPUSH, key: vips, value: "{{id}}", when: "lookup.customer.vip == 1 && lookup.customer != null"}
      - {type: redis, cmd: RPUSH, key: names, value: "{{id}}", when: "lookup.customer.?name.orValue('').size() == 3"}
  - id: gone
    table: shop.orders
    events: DELETE
    actions: [{type: redis, cmd: RPUSH, key: all, value: "{{op}} {{id}}"}]
`)
    await orders(1, 1, '1')
    await orders(2, 1, '2')
    await orders(3, 1, '3')
    await orders(4, 1, '77')
    await orders(5, 1, 'NULL')
    await server.query('UPDATE shop.orders SET customer_id = 2 WHERE id = 1')
    await server.query('DELETE FROM shop.orders WHERE id = 1')
    await eventually('all are there', async () => (await list('all')).length === 7)
    const all = await list('all')
    expect(all.filter((each) => / 1( |$)/.test(each))).toEqual(['insert 1 Ada', 'update 1 Bob', 'delete 1'])
    expect(all.toSorted()).toEqual([
      'delete 1',
      'insert 1 Ada',
      'insert 2 Bob',
      'insert 3 ',
      'insert 4 ',
      'insert 5 ',
      'update 1 Bob',
    ])
    await eventually('names are there', async () => (await list('names')).length === 3)
    await eventually('vips are there', async () => (await list('vips')).length === 2)
    expect((await list('vips')).toSorted()).toEqual(['1', '3'])
    expect((await list('names')).toSorted()).toEqual(['1', '1', '2'])
    expect(await bingo.metric('bingo_dead_letters')).toBe(0)
  })

  test('asks once for neighbours, and not again for what it keeps', async () => {
    await using _bingo = await daemon(`
  - id: batched
    table: shop.orders
    lookup: {customer: {sql: "SELECT name FROM shop.customers WHERE id = ?", params: ["{{new.customer_id}}"]}}
    actions: [{type: redis, cmd: RPUSH, key: batched, value: "{{id}} {{lookup.customer.name}}"}]
  - id: kept
    table: shop.orders
    lookup: {customer: {sql: "SELECT name FROM shop.customers WHERE id = ?", params: ["{{new.customer_id}}"], cache: 1h}}
    actions: [{type: redis, cmd: RPUSH, key: kept, value: "{{id}} {{lookup.customer.name}}"}]
`)
    const before = await executed()
    await orders(1, 640, '1 + (@n := COALESCE(@n, 0) + 1) % 500')
    await eventually('all are there', async () => (await list('batched')).length === 640)
    await eventually('all are there', async () => (await list('kept')).length === 640)
    // 500 different customers, 64 in one query, for two rules.
    expect((await executed()) - before).toBeLessThan(60)
    expect((await list('batched')).toSorted()).toEqual((await list('kept')).toSorted())
    const after = await executed()
    await server.query("UPDATE shop.customers SET name = 'Eve' WHERE id = 2")
    await orders(1001, 1, '2')
    await eventually('the last is there', async () => (await list('kept')).includes('1001 Bob'))
    await eventually('the last is there', async () => (await list('batched')).includes('1001 Eve'))
    expect((await executed()) - after).toBe(1)
  })

  test('waits for a server that is down, and nothing else does', async () => {
    await using receiver = await WebhookReceiver.start()
    await using bingo = await daemon(`
  - id: waits
    table: shop.orders
    lookup:
      customer: {sql: "SELECT name FROM shop.customers WHERE id = ?", params: ["{{new.customer_id}}"], from: "${throughProxy()}"}
    actions: [{type: redis, cmd: RPUSH, key: "waits:{{id}}", value: "{{op}} {{lookup.customer.name}}"}]
  - id: windowed
    table: shop.orders
    debounce: 10ms
    lookup:
      customer: {sql: "SELECT name FROM shop.customers WHERE id = ?", params: ["{{new.customer_id}}"], from: "${throughProxy()}"}
    actions: [{type: redis, cmd: SET, key: "windowed:{{id}}", value: "{{op}} {{lookup.customer.name}}"}]
  - id: others
    table: shop.customers
    actions: [{type: webhook, url: "${receiver.url}", body: {id: "{{id}}"}}]
`)
    await orders(1, 1, '1')
    await eventually('the first is there', async () => (await list('waits:1'))[0] === 'insert Ada')
    proxy.repoint({ host: '127.0.0.1', port: 1 })
    proxy.cut()
    await orders(2, 300, '2')
    await server.query('UPDATE shop.orders SET customer_id = 1 WHERE id = 2')
    await eventually('it is said', async () => (await bingo.reasons()).includes('BINGO_TARGET_DOWN'))
    // There are two: each finds out for itself.
    await bingo.shows('bingo_target_up{target="lookup waits.customer",type="lookup"}', 0)
    await server.query("INSERT INTO shop.customers VALUES (9, 'Zoe', 0)")
    await eventually('others go on', () => receiver.delivered().some(({ id }) => id === 9))
    expect(await list('waits:2')).toEqual([''])
    await bingo.says({ code: 'BINGO_LOOKUP_FAILED' })
    proxy.repoint({ host: server.host, port: server.port })
    await eventually('all are there', async () => (await list('waits:301'))[0] === 'insert Bob')
    await eventually('all are there', async () => (await redis.cli('GET', 'windowed:301')).includes('insert Bob'))
    await eventually('the update is there', async () => (await list('waits:2')).length === 2)
    expect(await list('waits:2')).toEqual(['insert Bob', 'update Ada'])
    expect(await bingo.metric('bingo_dead_letters')).toBe(0)
    expect(await bingo.stop()).toBe(0)
  })

  test('sends what it cannot have to the dead letters, and a repaired statement to those that wait', async () => {
    const rules = (statement: string): string => `rules:
  - id: strict
    table: shop.orders
    lookup: {customer: {sql: "SELECT name FROM shop.customers WHERE id = ?", params: ["{{new.customer_id}}"], missing: error}}
    actions: [{type: redis, cmd: RPUSH, key: strict, value: "{{id}} {{lookup.customer.name}}"}]
  - id: many
    table: shop.orders
    lookup: {customer: {sql: "SELECT name FROM shop.customers WHERE vip = ?", params: ["{{new.customer_id}}"]}}
    actions: [{type: redis, cmd: RPUSH, key: many, value: "{{id}} {{lookup.customer.name}}"}]
  - id: wrong
    table: shop.orders
    lookup: {customer: {sql: "${statement}", params: ["{{new.customer_id}}"]}}
    actions: [{type: redis, cmd: RPUSH, key: wrong, value: "{{id}} {{lookup.customer.name}}"}]
`
    await using bingo = await daemon(rules('SELECT nmae AS name FROM shop.customers WHERE id = ?').slice(7))
    await orders(1, 1, '1')
    await orders(2, 1, '77')
    await bingo.shows('bingo_dead_letters', 2)
    const written = await bingo.says({ msg: 'event written to the dead letters' }, 2)
    const codes = written.map(({ code = '' }) => code)
    expect(codes.toSorted((one, other) => (one < other ? -1 : 1))).toEqual([
      'BINGO_LOOKUP_MISSING',
      'BINGO_LOOKUP_ROWS',
    ])
    await eventually('it is said', async () => (await bingo.reasons()).includes('BINGO_TARGET_DOWN'))
    expect(await list('wrong')).toEqual([''])
    await writeFile(bingo.rulesFile, rules('SELECT name FROM shop.customers WHERE id = ?'))
    await eventually('they are sent', async () => (await list('wrong')).length === 2)
    expect((await list('wrong')).toSorted()).toEqual(['1 Ada', '2 '])
    await server.query("INSERT INTO shop.customers VALUES (77, 'Late', 0)")
    const retry = await cli(['dead-letters', 'retry', '--code', 'BINGO_LOOKUP_MISSING'], { env: besides(bingo) })
    expect(retry).toMatchObject({ code: 0 })
    expect(await list('strict')).toEqual(['1 Ada', '2 Late'])
  })

  test('check --online says what the statement lacks on its server', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bingo-lookup-'))
    try {
      const file = join(folder, 'rules.yaml')
      await server.query("CREATE USER IF NOT EXISTS poor@'%' IDENTIFIED BY 'secret'")
      const poor = `mysql://poor:secret@${server.host}:${server.port}`
      const rule = (name: string, sql: string, from = 'source'): string =>
        `  - {id: ${name}, table: shop.orders, lookup: {c: {sql: "${sql}", from: "${from}"}}, actions: [{type: log, body: {c: "{{lookup.c}}"}}]}\n`
      await writeFile(
        file,
        `rules:\n${rule('right', 'SELECT name FROM shop.customers LIMIT 1')}${rule('wrong', 'SELECT nmae FROM shop.customers')}` +
          rule('refused', 'SELECT name FROM shop.customers', poor),
      )
      const env = { BINGO_SOURCE_URL: server.url, BINGO_RULES: file }
      const { stdout } = await cli(['check', '--json', '--online'], { env })
      const { problems } = JSON.parse(stdout) as { problems: { code: string; severity: string; rule: string }[] }
      const found = problems.filter(({ code }) => code === 'BINGO_LOOKUP_FAILED')
      expect(found.map(({ rule: of, severity }) => `${of} ${severity}`)).toEqual(['wrong error', 'refused error'])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('gives values as events have them, alone and together', async () => {
    await using receiver = await WebhookReceiver.start()
    await using _bingo = await daemon(`
  - id: kinds
    table: shop.kinds
    events: INSERT
    lookup: {row: {sql: "SELECT * FROM shop.kinds WHERE id = ?", params: ["{{id}}"]}}
    actions: [{type: webhook, url: "${receiver.url}", body: {own: "{{new}}", found: "{{lookup.row}}"}}]
`)
    await server.query(`INSERT INTO shop.kinds VALUES (1, ${STRANGE})`)
    await eventually('the first is there', () => receiver.requests.length === 1)
    await server.query(`INSERT INTO shop.kinds VALUES (2, ${STRANGE}), (3, ${NULLS}), (4, ${STRANGE})`)
    await eventually('all are there', () => receiver.requests.length === 4)
    for (const { own, found } of receiver.delivered()) expect(found).toEqual(own)
  })
})
