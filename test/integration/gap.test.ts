import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Gap } from '../../src/model/event/gap.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { bingo } from './cli-process.ts'

/** Documented in docs/cli.md: somebody must decide. */
const EXIT_REFUSED = 3

const rules = (url: string) => `rules:
  - id: changes
    table: shop.t
    actions: [{type: webhook, url: "${url}/changes"}]
  - id: gaps
    events: [GAP]
    actions: [{type: webhook, url: "${url}/gaps", body: {id: "{{event.id}}", missing: "{{new.missing}}", to: "{{new.to}}"}}]
`

const servers = [
  { title: 'MySQL with GTIDs', start: () => startMysql({ gtid: true }) },
  { title: 'MySQL without GTIDs', start: () => startMysql({ gtid: false }) },
  { title: 'MariaDB', start: () => startMariadb({ version: '10.11' }) },
]

/** The server's binlogs go away in the middle of what was not read yet. */
async function lose(server: SqlServer): Promise<void> {
  for (let file = 0; file < 3; file++) {
    await server.query("INSERT INTO shop.t (v) VALUES ('lost')")
    await server.query('FLUSH BINARY LOGS')
  }
  const newest = (await server.query('SHOW BINARY LOGS')).at(-1)!
  // MariaDB keeps a file for as long as a dead reader's thread has it open.
  await eventually('the old binlogs are gone', async () => {
    await server.query(`PURGE BINARY LOGS TO '${String(newest['Log_name'])}'`)
    return (await server.query('SHOW BINARY LOGS')).length === 1
  })
}

const paths = (receiver: WebhookReceiver, path: string) => receiver.requests.filter((request) => request.path === path)

describe.each(servers)('binlogs of $title that were purged before they were read', ({ start }) => {
  let server: SqlServer
  let receiver: WebhookReceiver
  let daemon: Daemon

  beforeAll(async () => {
    ;[server, receiver] = await Promise.all([start(), WebhookReceiver.start()])
    await server.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))')
    daemon = await Daemon.start({ rules: rules(receiver.url), sourceUrl: server.url })
    await server.query("INSERT INTO shop.t (v) VALUES ('before')")
    await eventually('the first change arrived', () => paths(receiver, '/changes').length === 1)
    await daemon.stop()
    await lose(server)
  })
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]()
    await Promise.all([receiver[Symbol.asyncDispose](), server.stop()])
  })

  test('stop BinGo, which reports what is missing', async () => {
    daemon.spawn()
    expect(await daemon.ended()).toBe(EXIT_REFUSED)
    expect(daemon.output()).toContain('BINGO_SOURCE_GAP')
    expect(daemon.output()).toMatch(/The server has purged (the transactions [-0-9a-f]+|the file binlog)/)
    expect(daemon.output()).toContain('bingo position set')
  })

  test('are skipped with onGap: latest, recorded durably, and announced until delivered', async () => {
    receiver.answer = (body) => (body.includes('gap-') ? 503 : 204)
    daemon.spawn({ BINGO_SOURCE_ON_GAP: 'latest' })
    await eventually('the gap was announced once', () => paths(receiver, '/gaps').length > 0)
    await daemon.shows('bingo_gaps_total', 1)
    await daemon.stop('SIGKILL')
    receiver.answer = () => 204
    daemon.spawn()
    await daemon.ready()
    await eventually('the gap was announced again', () => paths(receiver, '/gaps').at(-1)?.status === 204)
    const told = paths(receiver, '/gaps').map(({ body }) => JSON.parse(body) as { id: string; missing: string })
    expect(new Set(told.map(({ id }) => id)).size).toBe(1)
    expect(told[0]!.missing).toMatch(/^([-0-9a-f]+:|\d+-\d+-\d+ to |binlog\.)/)
    await server.query("INSERT INTO shop.t (v) VALUES ('after')")
    await eventually('the next change arrived', () => paths(receiver, '/changes').length === 2)
    expect(receiver.requests.some(({ body }) => body.includes('lost'))).toBe(false)
  })

  test('stay in the status, the metric and the checkpoint', async () => {
    await eventually('the gap counts as announced', async () => {
      const { text } = await daemon.get('/status')
      return (JSON.parse(text) as { gaps: { recent: Gap[] } }).gaps.recent[0]!.announced
    })
    await daemon.shows('bingo_gaps_total', 1)
    const env = {
      BINGO_SOURCE_URL: server.url,
      BINGO_CHECKPOINT_STORE: `file:${join(daemon.folder, 'checkpoint')}`,
      BINGO_HTTP_LISTEN: `127.0.0.1:${daemon.adminPort}`,
    }
    for (const command of [['status'], ['position', 'show']]) {
      const { stdout } = await bingo(command, { env })
      expect(stdout).toMatch(/gap\s+\d{4}-.* BINGO_SOURCE_GAP: skipped .*, resumed at latest: binlog\./)
    }
  })
})
