import { expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { WithholdingProxy } from '../support/withholding-proxy.ts'

const ROWS = 5

test.each([
  { title: 'MySQL', start: () => startMysql({ gtid: true }) },
  { title: 'MySQL without GTIDs', start: () => startMysql({ gtid: false }) },
  { title: 'MariaDB', start: () => startMariadb({}) },
])('a stream that sends heartbeats only, while $title advances, is reported, and recovers', async ({ start }) => {
  await using server = await start()
  await using receiver = await WebhookReceiver.start()
  await server.query('CREATE DATABASE shop')
  await server.query('CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)')
  await using proxy = await WithholdingProxy.start(server)
  await using bingo = await Daemon.start({
    rules: `rules:\n  - {id: all, table: shop.t, actions: [{type: webhook, url: "${receiver.url}"}]}\n`,
    sourceUrl: `mysql://root@127.0.0.1:${proxy.port}`,
    env: { BINGO_SOURCE_HEARTBEAT: '300ms', BINGO_SOURCE_RECONNECT_MAX: '200ms' },
  })
  await eventually('a heartbeat has come', () => proxy.heartbeat !== null)
  proxy.withholds = true
  for (let row = 0; row < ROWS; row++) await server.query('INSERT INTO shop.t (v) VALUES (1)')

  await eventually('/readyz says so', async () => (await bingo.reasons()).includes('BINGO_SOURCE_STALLED'))
  // Found again after a reconnect.
  await bingo.says({ code: 'BINGO_SOURCE_STALLED', level: 'error' })
  await bingo.shows('bingo_source_stalled', 1)
  expect(await bingo.metric('bingo_ready')).toBe(0)
  expect(await bingo.metric('bingo_source_caught_up')).toBe(0)
  expect(await bingo.metric('bingo_lag_seconds')).toBeGreaterThan(0)
  expect(receiver.delivered()).toEqual([])
  expect(proxy.withheld).toBeGreaterThan(ROWS)

  proxy.withholds = false
  await eventually('every row has arrived', () => receiver.delivered().length >= ROWS)
  await bingo.ready()
  expect(receiver.delivered()).toHaveLength(ROWS)
  await bingo.shows('bingo_source_stalled', 0)
  await bingo.stop()
  expect(bingo.said({ code: 'BINGO_SOURCE_PACKETS_LOST' })).toEqual([])
})
