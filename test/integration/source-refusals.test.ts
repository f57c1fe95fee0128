import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

/** Documented in docs/cli.md: the source refuses, somebody must decide. */
const EXIT_REFUSED = 3

/** A longer event takes several packets of this size. */
const MOST_PACKET_BYTES = 0xff_ffff
/** max_allowed_packet cannot be larger. */
const LARGEST_EVENT_BYTES = 2 ** 30

const TABLE = 'CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(50))'

let server: SqlServer
let proxy: TcpProxy
let receiver: WebhookReceiver

beforeAll(async () => {
  ;[server, receiver] = await Promise.all([startMysql({ gtid: true }), WebhookReceiver.start()])
  proxy = await TcpProxy.start(server)
  await server.query(TABLE)
  await server.query("CREATE USER bingo@'%' IDENTIFIED BY 'secret'")
  await server.query("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO bingo@'%'")
})

afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await Promise.all([receiver[Symbol.asyncDispose](), server.stop()])
})

/** A daemon that has delivered something, through the proxy. */
async function running(sourceUrl = `mysql://root@127.0.0.1:${proxy.port}`, writeTo = server): Promise<Daemon> {
  const daemon = await Daemon.start({
    rules: `rules:\n  - {id: all, table: shop.t, actions: [{type: webhook, url: "${receiver.url}"}]}\n`,
    sourceUrl,
    env: { BINGO_SOURCE_RECONNECT_MAX: '200ms', BINGO_SOURCE_HEARTBEAT: '500ms' },
  })
  const before = receiver.delivered().length
  await writeTo.query("INSERT INTO shop.t (v) VALUES ('fine')")
  await eventually('the daemon delivers', () => receiver.delivered().length > before)
  return daemon
}

test('a privilege that is revoked while BinGo runs is named when it reconnects, without a storm of retries', async () => {
  await using daemon = await running(`mysql://bingo:secret@127.0.0.1:${proxy.port}`)
  await server.query("REVOKE REPLICATION SLAVE ON *.* FROM bingo@'%'")
  proxy.cut()
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
  expect(daemon.output()).toContain('BINGO_SOURCE_GRANT_MISSING')
  expect(daemon.output()).toContain('GRANT REPLICATION SLAVE')
  expect(daemon.output()).not.toContain('secret')
})

test('a change that is logged as a statement in mid-stream ends the run, what came before is delivered', async () => {
  await using daemon = await running()
  const before = receiver.delivered().length
  const session = await server.connect()
  await session.query("INSERT INTO shop.t (v) VALUES ('a row')")
  await session.query("SET SESSION binlog_format = 'STATEMENT'")
  await session.query("UPDATE shop.t SET v = 'a statement'")
  await session.query("SET SESSION binlog_format = 'ROW'")
  await session.end()
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
  expect(daemon.output()).toContain('BINGO_STATEMENT_FORMAT')
  expect(receiver.delivered().length).toBe(before + 1)
  // The position stands before the statement: it is refused again, not skipped.
  daemon.spawn()
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
})

test('statements of pt-table-checksum, on a table that no rule reads, are skipped on record', async () => {
  await using daemon = await running()
  const session = await server.connect()
  await session.query('CREATE DATABASE percona')
  await session.query(
    'CREATE TABLE percona.checksums (db CHAR(64), tbl CHAR(64), chunk INT, this_crc CHAR(40), this_cnt INT, PRIMARY KEY (db, tbl, chunk))',
  )
  await session.query("SET SESSION binlog_format = 'STATEMENT', transaction_isolation = 'REPEATABLE-READ'")
  for (const chunk of [1, 2]) {
    await session.query(
      `REPLACE INTO \`percona\`.\`checksums\` (db, tbl, chunk, this_cnt, this_crc) SELECT 'shop', 't', '${chunk}', COUNT(*) AS cnt, COALESCE(LOWER(CONV(BIT_XOR(CAST(CRC32(CONCAT_WS('#', \`id\`, CONCAT(ISNULL(\`v\`)))) AS UNSIGNED)), 10, 16)), 0) AS crc FROM \`shop\`.\`t\` /*checksum chunk*/`,
    )
    await session.query(
      `UPDATE \`percona\`.\`checksums\` SET this_crc = 'x' WHERE db = 'shop' AND tbl = 't' AND chunk = '${chunk}'`,
    )
  }
  await session.query("SET SESSION binlog_format = 'ROW'")
  const before = receiver.delivered().length
  await session.query("INSERT INTO shop.t (v) VALUES ('behind them')")
  await session.end()
  await eventually('what comes behind them is delivered', () => receiver.delivered().length > before)
  await daemon.shows('bingo_source_statements_skipped_total', 4)
  await daemon.stop()
  expect(daemon.said({ code: 'BINGO_STATEMENT_SKIPPED' })).toHaveLength(1)
})

test('corruption that repeats on every attempt ends the run, and never reaches a target', async () => {
  await using daemon = await running()
  proxy.flipRepliesWith = 'marked'
  await server.query("INSERT INTO shop.t (v) VALUES ('marked')")
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
  proxy.flipRepliesWith = null
  expect(daemon.output()).toContain('BINGO_BINLOG_CHECKSUM')
  expect(receiver.requests.filter(({ body }) => body.includes('arked'))).toEqual([])
  daemon.spawn()
  await eventually('it is delivered whole', () => receiver.requests.some(({ body }) => body.includes('"marked"')))
})

test('an event without end is dropped at the maximum event size, and what follows is delivered', async () => {
  await using daemon = await running()
  const packet = Buffer.alloc(4 + MOST_PACKET_BYTES)
  packet.writeUIntLE(MOST_PACKET_BYTES, 0, 3)
  const [dump] = await server.query("SELECT host FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
  const port = Number(String(dump!['host'] ?? dump!['HOST']).split(':')[1])
  let sent = 0
  while (sent < 2 * LARGEST_EVENT_BYTES && (await proxy.inject(port, packet))) sent += packet.length
  expect(sent).toBeGreaterThan(LARGEST_EVENT_BYTES - packet.length)
  expect(sent).toBeLessThan(1.5 * LARGEST_EVENT_BYTES)
  await daemon.says((line) => JSON.stringify(line).includes('exceeds the maximum size'))
  await server.query("INSERT INTO shop.t (v) VALUES ('behind it')")
  await eventually('it is delivered', () => receiver.requests.some(({ body }) => body.includes('"behind it"')))
})

test('a server that is reset under a running daemon is refused', async () => {
  await using daemon = await running()
  await server.query('RESET BINARY LOGS AND GTIDS')
  await server.query("INSERT INTO shop.t (v) VALUES ('of another history')")
  proxy.cut()
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
  expect(daemon.output()).toMatch(/BINGO_CHECKPOINT_(AHEAD|FOREIGN)/)
  expect(receiver.requests.some(({ body }) => body.includes('another history'))).toBe(false)
})

test('an address that is moved to another server without GTIDs is refused', async () => {
  const [first, second] = await Promise.all([
    startMysql({ gtid: false, serverId: 1 }),
    startMysql({ gtid: false, serverId: 2 }),
  ])
  await using stack = new AsyncDisposableStack()
  stack.use(first)
  stack.use(second)
  await Promise.all([first.query(TABLE), second.query(TABLE)])
  await using moved = await TcpProxy.start(first)
  await using daemon = await running(`mysql://root@127.0.0.1:${moved.port}`, first)
  await second.query("INSERT INTO shop.t (v) VALUES ('of another server')")
  moved.repoint(second)
  moved.cut()
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
  expect(daemon.output()).toContain('BINGO_CHECKPOINT_FOREIGN')
  expect(daemon.output()).toContain('bingo position set')
  expect(receiver.requests.some(({ body }) => body.includes('another server'))).toBe(false)
})
