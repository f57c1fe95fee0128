import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

interface Finding {
  readonly code: string
  readonly message: string
}
interface Readiness {
  readonly ready: boolean
  readonly reasons: readonly Finding[]
  readonly notes: readonly Finding[]
}

let server: SqlServer
let proxy: TcpProxy
let receiver: WebhookReceiver
let daemon: Daemon

beforeAll(async () => {
  ;[server, receiver] = await Promise.all([startMysql({ gtid: true }), WebhookReceiver.start()])
  proxy = await TcpProxy.start(server)
  await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(2000))')
  daemon = await Daemon.start({
    rules: `rules:\n  - {id: all, table: shop.t, actions: [{type: webhook, url: "${receiver.url}", timeout: 300ms}]}\n`,
    sourceUrl: `mysql://root@127.0.0.1:${proxy.port}`,
    env: {
      BINGO_BUDGET: '16KiB',
      BINGO_SPOOL_MAX_BYTES: '1KiB',
      BINGO_SOURCE_HEARTBEAT: '300ms',
      BINGO_SOURCE_CONNECT_TIMEOUT: '500ms',
      BINGO_SOURCE_RECONNECT_MAX: '200ms',
      BINGO_DELIVERY_RETRY_MAX: '200ms',
    },
  })
})

afterAll(async () => {
  await daemon[Symbol.asyncDispose]()
  await Promise.all([proxy[Symbol.asyncDispose](), receiver[Symbol.asyncDispose](), server.stop()])
})

async function readiness(): Promise<Readiness> {
  return JSON.parse((await daemon.get('/readyz')).text) as Readiness
}

/** Waits for a reason or note, and answers its words. */
async function told(kind: 'reasons' | 'notes', code: string): Promise<string> {
  let message: string | undefined
  await eventually(`${code} among the ${kind}`, async () => {
    message = (await readiness())[kind].find((finding) => finding.code === code)?.message
    return message !== undefined
  })
  return message!
}

async function insert(rows: number): Promise<void> {
  for (let n = 0; n < rows; n++) await server.query("INSERT INTO shop.t (v) VALUES (REPEAT('x', 1000))")
}

test('an unavailable source is reported with the reason, until it is back', async () => {
  proxy.repoint({ host: '127.0.0.1', port: 1 })
  proxy.cut()
  expect(await told('reasons', 'BINGO_SOURCE_DISCONNECTED')).toMatch(
    /connection to the source lost \(for .*\): BINGO_SOURCE_/,
  )
  expect(await daemon.metric('bingo_source_connected')).toBe(0)
  expect(await daemon.metric('bingo_ready')).toBe(0)
  proxy.repoint(server)
  await eventually('it is ready again', async () => (await readiness()).ready)
  expect(await daemon.metric('bingo_source_connected')).toBe(1)
})

test('a target that is down and its backlog are reported, and the binlog that must not be purged meanwhile', async () => {
  receiver.answer = () => 503
  await insert(40)
  expect(await told('reasons', 'BINGO_TARGET_DOWN')).toContain('503')
  expect(await told('notes', 'BINGO_BACK_PRESSURE')).toMatch(
    /reading is paused: target .* is down .* its backlog of \d+ changes holds/,
  )
  expect(await daemon.metric('bingo_source_paused')).toBe(1)
  await server.query('FLUSH BINARY LOGS')
  await server.query('SET GLOBAL binlog_expire_logs_seconds = 1')
  // What was delivered last stands still, so the time that is left shrinks to nothing: seen at the next look.
  await told('notes', 'BINGO_PURGE_NEAR')
  await eventually('none is left', async () => (await daemon.metric('bingo_purge_headroom_seconds')) === 0)
  expect(await daemon.metric('bingo_source_backlog_bytes')).toBeGreaterThan(10_000)
  expect(daemon.logs.filter(({ code }) => code === 'BINGO_PURGE_NEAR')).toHaveLength(1)
  receiver.answer = () => 204
  await eventually('everything was delivered', () => receiver.delivered().length >= 40)
  await eventually('it is ready again', async () => (await readiness()).ready)
})
