import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { fileLines } from '../support/file-lines.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo as cli } from './cli-process.ts'

const TABLE = `CREATE TABLE shop.outbox (
  id VARCHAR(64) PRIMARY KEY, aggregate_id VARCHAR(64), event_type VARCHAR(64), topic VARCHAR(64), payload JSON, headers JSON)`

describe.each([
  ['MySQL', () => startMysql({ gtid: true })],
  ['MariaDB', () => startMariadb({})],
] as const)('rows of an outbox on %s', (_name, start) => {
  let sql: SqlServer
  let redis: RedisServer

  beforeAll(async () => {
    ;[sql, redis] = await Promise.all([start(), startRedis({})])
    await sql.query('CREATE DATABASE shop')
    await sql.query(TABLE)
    await sql.query('CREATE TABLE shop.orders (id INT PRIMARY KEY, total INT)')
  })
  afterAll(() => Promise.all([sql?.stop(), redis?.stop()]))

  async function started(outbox: string, rules = 'rules: []'): Promise<Daemon> {
    const daemon = await Daemon.prepare({ rules, sourceUrl: sql.url, env: { BINGO_REDIS_URL: redis.url } })
    const config = join(daemon.folder, 'config.yaml')
    await writeFile(config, `outbox:\n${outbox}\n`)
    daemon.spawn({ BINGO_CONFIG: config })
    await daemon.ready()
    return daemon
  }

  const list = async (key: string): Promise<readonly string[]> => {
    const text = (await redis.cli('--raw', 'LRANGE', key, '0', '-1')).trim()
    return text === '' ? [] : text.split('\n')
  }

  test('become events in the order of their commits, and what was rolled back does not', async () => {
    await redis.cli('FLUSHALL')
    await using bingo = await started(
      `  - table: shop.outbox
    to:
      - {type: redis, cmd: RPUSH, key: "{{topic}}:{{key}}", value: "{{payload.n}}"}
      - {type: log, path: lines.jsonl}`,
      `rules:
  - {id: big, on: "order.placed", filter: "payload.n > 2", actions: [{type: redis, cmd: RPUSH, key: big, value: "{{headers.tenant}} {{id}}"}], source: outbox}`,
    )
    const insert = (n: number, key: string): string =>
      `INSERT INTO shop.outbox VALUES ('e-${n}', '${key}', 'order.placed', 'orders', '{"n": ${n}}', '{"tenant": "acme"}')`
    await sql.query(`BEGIN; INSERT INTO shop.orders VALUES (1, 10); ${insert(1, 'a')}; COMMIT`)
    await sql.query(`BEGIN; INSERT INTO shop.orders VALUES (2, 20); ${insert(2, 'a')}; ROLLBACK`)
    await sql.query(
      `BEGIN; ${insert(3, 'b')}; SAVEPOINT s; ${insert(4, 'b')}; ROLLBACK TO s; ${insert(5, 'a')}; COMMIT`,
    )
    await sql.query("UPDATE shop.outbox SET topic = 'other' WHERE id = 'e-1'")
    await sql.query('DELETE FROM shop.outbox')
    await sql.query(insert(6, 'a'))
    await eventually('the last one is there', async () => (await list('big')).length === 3)
    await eventually('all of its key are there', async () => (await list('orders:a')).length === 3)
    expect(await list('orders:a')).toEqual(['1', '5', '6'])
    await eventually('the other key is there', async () => (await list('orders:b')).length > 0)
    expect(await list('orders:b')).toEqual(['3'])
    expect(await list('big')).toHaveLength(3)
    expect((await list('big')).toSorted()).toEqual(['acme e-3', 'acme e-5', 'acme e-6'])
    await bingo.says({ code: 'BINGO_OUTBOX_UPDATED' })
    // Nothing promises an order between keys.
    const written = () => fileLines(join(bingo.folder, 'lines.jsonl'))
    await eventually('all lines are written', async () => (await written()).length >= 4)
    const lines = await written()
    expect(lines.toSorted()).toEqual([1, 3, 5, 6].map((n) => `{"n":${n}}`))
  })

  test('that lack something are dead letters, and are sent when they are redelivered to a mapping that fits', async () => {
    await redis.cli('FLUSHALL')
    await using bingo = await started(
      '  - {table: shop.outbox, to: {type: redis, cmd: RPUSH, key: refused, value: "{{payload.n}}"}}',
    )
    await sql.query(`INSERT INTO shop.outbox VALUES ('r-1', 'a', 't', NULL, '{"n": 1}', NULL)`)
    await sql.query(`INSERT INTO shop.outbox VALUES ('r-2', 'a', 't', 'x', '{"n": 2}', NULL)`)
    await eventually('the second one is there', async () => (await list('refused')).length === 1)
    await bingo.shows('bingo_dead_letters', 1)
    const config = join(bingo.folder, 'config.yaml')
    const env = { ...besides(bingo), BINGO_CONFIG: config }
    const listed = await cli(['dead-letters', 'list', '--json'], { env, cwd: bingo.folder })
    const letter = JSON.parse(listed.stdout.trim().split('\n')[0]!) as { ruleId: string; event: { new: object } }
    expect(letter).toMatchObject({ ruleId: 'outbox shop.outbox', event: { new: { id: 'r-1', topic: null } } })
    const still = await cli(['dead-letters', 'retry', '--all'], { env, cwd: bingo.folder })
    expect(still.stdout).toContain('0 delivered, 1 remaining')
    expect(still.stderr).toContain('BINGO_OUTBOX_ROW_INVALID')
    await writeFile(
      config,
      'outbox: [{table: shop.outbox, shape: {id: id, type: event_type, payload: payload}, to: {type: redis, cmd: RPUSH, key: refused, value: "{{payload.n}}"}}]',
    )
    const sent = await cli(['dead-letters', 'retry', '--all'], { env, cwd: bingo.folder })
    expect(sent.stdout).toContain('1 delivered, 0 remaining')
    expect(await list('refused')).toEqual(['2', '1'])
  })

  test.each(['mark', 'delete'] as const)('are left as after: %s says when their events have ended', async (after) => {
    await redis.cli('FLUSHALL')
    await sql.query('DROP TABLE IF EXISTS shop.kept')
    await sql.query(`CREATE TABLE shop.kept (
      position BIGINT AUTO_INCREMENT PRIMARY KEY, id BINARY(16) NOT NULL, aggregate_id VARCHAR(64), topic VARCHAR(64), payload LONGTEXT,
      processed_at DATETIME(3), retry_count INT NOT NULL DEFAULT 0, last_error TEXT)`)
    const insert = (n: number): string =>
      `INSERT INTO shop.kept (id, aggregate_id, topic, payload) VALUES (UNHEX(LPAD('${n}', 32, '0')), 'a', 'orders', '{"n": ${n}}')`
    await using bingo = await started(
      `  - table: shop.kept
    after: ${after}
    ${after === 'mark' ? 'cleanup: {after: 1h, every: 1s}' : ''}
    to: {type: redis, cmd: RPUSH, key: "{{context.topic}}", value: "{{payload.n}}", onFailure: skip, when: "payload.n != 3 || payload.missing"}`,
    )
    await sql.query(`BEGIN; ${insert(1)}; ${insert(2)}; COMMIT`)
    await sql.query(`BEGIN; ${insert(9)}; ROLLBACK`)
    await sql.query(insert(3))
    await sql.query(insert(4))
    await eventually('all are sent', async () => (await list('orders')).length === 3)
    const rows = async () =>
      (await sql.query(
        "SELECT HEX(id) + 0 AS n, processed_at IS NOT NULL AS done, IFNULL(last_error, '') AS error FROM shop.kept ORDER BY position",
      )) as readonly { n: number; done: number; error: string }[]
    const done = async (): Promise<readonly number[]> => (await rows()).map((row) => Number(row.done))
    if (after === 'mark') {
      await eventually('they are marked', async () => (await done()).join('') === '1101')
      await eventually('the failed one says why', async () => (await rows())[2]!.error.includes('No such key: missing'))
      await sql.query('UPDATE shop.kept SET processed_at = processed_at - INTERVAL 2 HOUR WHERE position < 3')
      await eventually('the old ones are deleted', async () => (await rows()).length === 2)
    } else {
      await eventually('they are deleted, but the failed one', async () => (await done()).join('') === '0')
    }
    expect(await list('orders')).toEqual(['1', '2', '4'])
    await bingo.shows('bingo_outbox_queue_size{outbox="shop.kept"}', 0)
    await bingo.shows('bingo_outbox_events_total{outbox="shop.kept"}', 4)
    expect(await bingo.stop()).toBe(0)
    expect(bingo.said({ code: 'BINGO_OUTBOX_UPDATED' })).toEqual([])
  })
})
