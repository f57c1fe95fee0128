import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

let mysql: SqlServer
let redis: Awaited<ReturnType<typeof startRedis>>
let nats: Awaited<ReturnType<typeof startNats>>
let folder: string

beforeAll(async () => {
  ;[mysql, redis, nats] = await Promise.all([
    startMysql({ gtid: true, args: ['--sync-binlog=1'] }),
    startRedis({ args: ['--requirepass', 'opensesame'] }),
    startNats(),
  ])
  await mysql.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(50))')
  await mysql.query("CREATE USER bingo@'%' IDENTIFIED BY 'secret'; GRANT SELECT, INSERT ON shop.* TO bingo@'%'")
  await mysql.query("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO bingo@'%'")
  folder = await mkdtemp(join(tmpdir(), 'bingo-check-targets-'))
})

afterAll(async () => {
  await Promise.all([mysql.stop(), redis.stop(), nats.stop()])
  await rm(folder, { recursive: true })
})

interface Report {
  readonly ok: boolean
  readonly errors: number
  readonly warnings: number
  readonly problems: readonly { severity: string; code: string; message: string; line?: number; rule?: string }[]
}

async function check(action: string, ...flags: string[]): Promise<{ code: number | null; report: Report }> {
  const rules = join(folder, 'rules.yaml')
  await writeFile(rules, `rules:\n  - {id: one, table: shop.t, actions: [${action}]}\n`)
  const env = { BINGO_SOURCE_URL: `mysql://bingo:secret@127.0.0.1:${mysql.port}`, BINGO_RULES: rules }
  const { code, stdout } = await bingo(['check', '--json', ...flags], { env })
  return { code, report: JSON.parse(stdout) as Report }
}

const sqlAction = (statement: string, password = 'secret'): string =>
  `{type: sql, url: "mysql://bingo:${password}@127.0.0.1:${mysql.port}/shop", statement: "${statement}", params: ["{{id}}"]}`
const redisAction = (password: string): string =>
  `{type: redis, url: "redis://:${password}@127.0.0.1:${redis.port}", cmd: DEL, key: "t:{{id}}"}`

describe('check --online', () => {
  test('finds nothing if the targets accept the login and have what the actions need', async () => {
    for (const action of [
      redisAction('opensesame'),
      sqlAction('INSERT INTO t (id) VALUES (?)'),
      `{type: nats, url: "${nats.url}", subject: "any.subject", jetstream: false}`,
    ]) {
      expect(await check(action, '--online', '--strict')).toMatchObject({ code: 0, report: { ok: true, problems: [] } })
    }
    expect(await mysql.query('SELECT * FROM shop.t')).toEqual([])
  })

  test('a table that the statement names and that is not there is an error with its place', async () => {
    const { code, report } = await check(sqlAction('INSERT INTO nowhere (id) VALUES (?)'), '--online')
    expect(code).toBe(1)
    expect(report.problems).toMatchObject([{ severity: 'error', code: 'BINGO_SQL_REFUSED', rule: 'one', line: 2 }])
  })

  test('a subject that no stream covers is reported', async () => {
    const { report } = await check(`{type: nats, url: "${nats.url}", subject: "nobody.stores.this"}`, '--online')
    expect(report.problems).toMatchObject([{ message: expect.stringContaining('nobody.stores.this') }])
  })

  test('a refused login and a target that is down are warnings, and errors with --strict', async () => {
    for (const action of [
      redisAction('wr0ng'),
      sqlAction('INSERT INTO t (id) VALUES (?)', 'wr0ng'),
      '{type: kafka, brokers: ["127.0.0.1:1"], topic: t}',
      '{type: rabbitmq, url: "amqp://127.0.0.1:1", exchange: e, routingKey: k}',
      '{type: nats, url: "nats://127.0.0.1:1", subject: s}',
    ]) {
      const lenient = await check(action, '--online')
      expect([action, lenient]).toMatchObject([action, { code: 0, report: { ok: true, warnings: 1 } }])
      expect(JSON.stringify(lenient)).not.toContain('wr0ng')
    }
    expect(await check(redisAction('wr0ng'), '--online', '--strict')).toMatchObject({ code: 1, report: { ok: false } })
  })
})
