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

/** Waits for a reason or note whose words, which change while it lasts, come to these. */
async function told(kind: 'reasons' | 'notes', code: string, words = /./): Promise<void> {
  let last: string | undefined
  const isTold = async (): Promise<boolean> => {
    last = (await readiness())[kind].find((finding) => finding.code === code)?.message
    return last !== undefined && words.test(last)
  }
  await eventually(`${code} among the ${kind}: ${words}`, isTold).catch((error: Error) => {
    throw new Error(`${error.message}, but ${last}`)
  })
}

async function insert(rows: number): Promise<void> {
  for (let n = 0; n < rows; n++) await server.query("INSERT INTO shop.t (v) VALUES (REPEAT('x', 1000))")
}

test('an unavailable source is reported with the reason, until it is back', async () => {
  proxy.repoint({ host: '127.0.0.1', port: 1 })
  proxy.cut()
  await told('reasons', 'BINGO_SOURCE_DISCONNECTED', /connection to the source lost \(for .*\): BINGO_SOURCE_/)
  await daemon.shows('bingo_source_connected', 0)
  await daemon.shows('bingo_ready', 0)
  proxy.repoint(server)
  await eventually('it is ready again', async () => (await readiness()).ready)
  await daemon.shows('bingo_source_connected', 1)
})

test('a target that is down and its backlog are reported, and the binlog that must not be purged meanwhile', async () => {
  receiver.answer = () => 503
  await insert(40)
  await told('reasons', 'BINGO_TARGET_DOWN', /503/)
  await told('notes', 'BINGO_BACK_PRESSURE', /reading is paused: target .* is down .* its backlog of \d+ changes holds/)
  await daemon.shows('bingo_source_paused', 1)
  await server.query('FLUSH BINARY LOGS')
  await server.query('SET GLOBAL binlog_expire_logs_seconds = 1')
  // What was delivered last stands still, so the time that is left shrinks to nothing: seen at the next look.
  await told('notes', 'BINGO_PURGE_NEAR')
  await daemon.shows('bingo_purge_headroom_seconds', 0)
  expect(await daemon.metric('bingo_source_backlog_bytes')).toBeGreaterThan(10_000)
  receiver.answer = () => 204
  await eventually('everything was delivered', () => receiver.delivered().length >= 40)
  await eventually('it is ready again', async () => (await readiness()).ready)
  await daemon.stop()
  expect(daemon.said({ code: 'BINGO_PURGE_NEAR' })).toHaveLength(1)
})
