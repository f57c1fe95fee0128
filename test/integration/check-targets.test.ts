import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../support/certificates.ts'
import { ConnectProxy } from '../support/connect-proxy.ts'
import { MAIL_PROTO, Mailer } from '../support/grpc-server.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startNats } from '../support/servers/nats.ts'
import { startRedis } from '../support/servers/redis.ts'
import { TlsFront } from '../support/tls-front.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
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
  readonly unasked: readonly string[]
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

  test('a webhook is connected to, and gets no request; what was not checked is printed', async () => {
    await using receiver = await WebhookReceiver.start()
    const action = `{type: webhook, url: "${receiver.url}"}`
    const { code, report } = await check(action, '--online', '--strict')
    expect([code, report.problems, report.unasked]).toEqual([
      0,
      [],
      [`${new URL(receiver.url).origin}: path, credentials and answer (BinGo connected, but sent no request)`],
    ])
    expect(receiver.requests).toEqual([])
    const rules = join(folder, 'rules.yaml')
    const env = { BINGO_SOURCE_URL: `mysql://bingo:secret@127.0.0.1:${mysql.port}`, BINGO_RULES: rules }
    expect((await bingo(['check', '--online'], { env })).stdout).toContain('! not checked: http://127.0.0.1:')
  })

  test.each([
    ['whose name does not exist', 'https://bingo.invalid/x', /is unreachable: .*bingo.invalid/],
    ['where nobody listens', 'http://127.0.0.1:1/x', /is unreachable: .*ECONNREFUSED/],
    ['that does not speak TLS', 'https://127.0.0.1:PLAIN/x', /is unreachable/],
  ])('a webhook %s is a warning, and an error with --strict', async (_, url, message) => {
    await using receiver = await WebhookReceiver.start()
    const action = `{type: webhook, url: "${url.replace('PLAIN', new URL(receiver.url).port)}", timeout: 20s}`
    const { report } = await check(action, '--online')
    expect(report).toMatchObject({
      ok: true,
      problems: [{ severity: 'warning', message: expect.stringMatching(message) }],
    })
    expect((await check(action, '--online', '--strict')).code).toBe(1)
    expect(receiver.requests).toEqual([])
  })

  test('the certificate of a webhook is verified, and a proxy is asked for the connection only', async () => {
    await using authority = await CertificateAuthority.create()
    await using stranger = await CertificateAuthority.create('Stranger')
    const certificate = await authority.issue()
    await using front = await TlsFront.start(certificate, certificate)
    const url = `https://127.0.0.1:${front.port}/x`
    const by = (more: string): string => `{type: webhook, url: "${url}", ${more}}`
    expect((await check(by(`tls: {ca: ${authority.caFile}}`), '--online', '--strict')).report.problems).toEqual([])
    const { report } = await check(by(`tls: {ca: ${stranger.caFile}}`), '--online')
    expect(report.problems).toMatchObject([{ message: expect.stringMatching(/is unreachable: .*certificate/i) }])
    await using proxy = await ConnectProxy.start()
    const through = by(`proxy: "http://u:p@127.0.0.1:${proxy.port}", tls: {ca: ${authority.caFile}}`)
    expect((await check(through, '--online', '--strict')).report.problems).toEqual([])
    expect(proxy.asked).toEqual([{ target: `127.0.0.1:${front.port}`, login: 'Basic dTpw' }])
    proxy.refuses = true
    const refused = await check(through, '--online')
    expect(refused.report.problems).toMatchObject([{ message: expect.stringContaining('the proxy answered 407') }])
  })

  test('a gRPC target with a .proto file is connected to', async () => {
    await using mailer = await Mailer.start()
    const action = (address: string): string =>
      `{type: grpc, address: "${address}", method: mail.v1.Mailer/Send, proto: ${MAIL_PROTO}, message: {id: "{{id}}"}}`
    expect((await check(action(mailer.address), '--online', '--strict')).report.problems).toEqual([])
    expect(mailer.calls).toEqual([])
    const { report } = await check(action('127.0.0.1:1'), '--online')
    expect(report.problems).toMatchObject([{ severity: 'warning', code: 'BINGO_GRPC_STATUS' }])
  })
})

test('targets of the steps of sagas are asked too, those of compensations as well', async () => {
  const rules = join(folder, 'sagas.yaml')
  const to = (port: number): string => `{type: redis, url: "redis://127.0.0.1:${port}", cmd: DEL, key: "k"}`
  await writeFile(
    rules,
    `sagas:
  - id: order
    table: shop.t
    key: "{{new.id}}"
    steps:
      - {id: reserve, action: ${to(1)}, compensate: ${to(2)}}
`,
  )
  const env = { BINGO_SOURCE_URL: `mysql://bingo:secret@127.0.0.1:${mysql.port}`, BINGO_RULES: rules }
  const { stdout } = await bingo(['check', '--json', '--online'], { env })
  const { problems } = JSON.parse(stdout) as Report
  const told = problems.filter(({ rule }) => rule === 'saga order').map(({ message }) => message)
  expect(told).toEqual([expect.stringContaining('127.0.0.1:1'), expect.stringContaining('127.0.0.1:2')])
})
