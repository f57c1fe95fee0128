import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { SmallDisk } from '../support/small-disk.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

/** Documented in docs/cli.md: the source refuses, somebody must decide. */
const EXIT_REFUSED = 3
const DISK_BYTES = 256 << 20
const SET_UP = ['CREATE DATABASE shop', 'CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT)']

const SERVERS = {
  'MySQL with IGNORE_ERROR': (log: string) =>
    startMysql({ gtid: true, args: [log, '--binlog-error-action=IGNORE_ERROR'] }),
  MariaDB: (log: string) => startMariadb({ args: [log] }),
} as const

function rulesFor({ url }: WebhookReceiver): string {
  return `rules:\n  - {id: all, table: shop.t, actions: [{type: webhook, url: "${url}"}]}\n`
}

test.each(['MySQL with IGNORE_ERROR', 'MariaDB'] as const)(
  '%s that goes on without a binlog, because its disk is read-only, stops BinGo, which then goes on where it was',
  async (title) => {
    await using disk = await SmallDisk.create(DISK_BYTES)
    await using server = await SERVERS[title](`--log-bin=${join(disk.folder, 'binlog')}`)
    await using receiver = await WebhookReceiver.start()
    for (const statement of SET_UP) await server.query(statement)
    await using bingo = await Daemon.start({
      rules: rulesFor(receiver),
      sourceUrl: server.url,
      env: { BINGO_SOURCE_HEARTBEAT: '500ms' },
    })
    await server.query('INSERT INTO shop.t VALUES (1)')
    await eventually('it is delivered', () => receiver.delivered().length === 1)

    await disk.turnReadOnly()
    await server.query('FLUSH BINARY LOGS').catch(() => undefined)
    await server.query('INSERT INTO shop.t VALUES (2)').catch(() => undefined)
    expect(await bingo.ended()).toBe(EXIT_REFUSED)
    expect(bingo.output()).toContain('BINGO_SOURCE_NO_BINLOG')
    expect(bingo.output()).toContain('rebuild whatever depends')
    bingo.spawn()
    expect(await bingo.ended(), 'a restart does not help while the server has no binlog').toBe(EXIT_REFUSED)

    await disk.turnWritable()
    await server.restart()
    await server.query('INSERT INTO shop.t VALUES (3)')
    bingo.spawn()
    await bingo.ready()
    await eventually('what is logged again is delivered', () => receiver.delivered().length === 2)
  },
)

test('BinGo waits for a MySQL that aborts because it cannot write its binlog, and loses nothing', async () => {
  await using disk = await SmallDisk.create(DISK_BYTES)
  await using server = await startMysql({ gtid: true, args: [`--log-bin=${join(disk.folder, 'binlog')}`] })
  await using receiver = await WebhookReceiver.start()
  for (const statement of SET_UP) await server.query(statement)
  const env = { BINGO_SOURCE_RECONNECT_MAX: '500ms' }
  await using bingo = await Daemon.start({ rules: rulesFor(receiver), sourceUrl: server.url, env })
  await server.query('INSERT INTO shop.t VALUES (1)')
  await disk.turnReadOnly()
  await expect(server.query('FLUSH BINARY LOGS')).rejects.toThrow('Aborting the server')
  await eventually('/readyz says so', async () => (await bingo.reasons()).includes('BINGO_SOURCE_DISCONNECTED'))
  await disk.turnWritable()
  await server.restart()
  await server.query('INSERT INTO shop.t VALUES (2)')
  await eventually('both rows have arrived', () => receiver.delivered().length === 2)
  await bingo.ready()
})
