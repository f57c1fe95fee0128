import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually, freePort } from '../support/daemon.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { startMysql } from '../support/servers/mysql.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
/** Takes requests and never answers. */
const hanging = createServer(() => undefined)
let rules: string

beforeAll(async () => {
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
  rules = `rules:
  - id: hook
    table: t
    timeout: 5m
    actions: [{type: webhook, url: "http://127.0.0.1:${(hanging.address() as AddressInfo).port}/"}]
`
  mysql = await startMysql({ gtid: true })
  await mysql.query('CREATE DATABASE shop')
  await mysql.query('CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT)')
})

afterAll(async () => {
  hanging.closeAllConnections()
  hanging.close()
  await mysql?.stop()
})

async function busyDaemon(deadline: string): Promise<Daemon> {
  const daemon = await Daemon.start({ rules, sourceUrl: mysql.url, env: { BINGO_SHUTDOWN_DEADLINE: deadline } })
  await mysql.query('INSERT INTO shop.t VALUES ()')
  await eventually('a request hangs', async () => (await daemon.metric('bingo_in_flight_jobs')) === 1)
  return daemon
}

test('a stop ends within its deadline although a target hangs, and logs what is undelivered', async () => {
  await using daemon = await busyDaemon('500ms')
  expect(await daemon.stop()).toBe(0)
  expect(daemon.said({ code: 'BINGO_SHUTDOWN_DEADLINE' })).not.toEqual([])
})

test('a stop does not wait for a target that is down, however long its deadline is, and logs what is undelivered', async () => {
  const down = rules.replace(/:\d+\/"/, `:${await freePort()}/"`)
  const env = { BINGO_SHUTDOWN_DEADLINE: '10m' }
  await using daemon = await Daemon.start({ rules: down, sourceUrl: mysql.url, env })
  await mysql.query('INSERT INTO shop.t VALUES ()')
  await daemon.says({ msg: 'target is down; its events wait' })
  expect(await daemon.stop()).toBe(0)
  expect(daemon.said({ code: 'BINGO_SHUTDOWN_DEADLINE' })).not.toEqual([])
})

test('a stop with nothing in flight gives nothing up, although the target cannot be reached', async () => {
  const down = `rules: [{id: r, table: t, actions: [{type: redis, url: "redis://127.0.0.1:${await freePort()}", cmd: DEL, key: k}]}]`
  await using daemon = await Daemon.prepare({
    rules: down,
    sourceUrl: mysql.url,
    env: { BINGO_SHUTDOWN_DEADLINE: '10m' },
  })
  daemon.spawn()
  await daemon.says({ msg: 'caught up' })
  expect(await daemon.stop()).toBe(0)
  expect(daemon.log.lines.at(-1)).toMatchObject({ msg: 'stopped' })
  expect(daemon.said({ code: 'BINGO_SHUTDOWN_DEADLINE' })).toEqual([])
})

test('a stop ends the process with its exit code although something keeps the event loop busy', async () => {
  const NODE_OPTIONS = '--import=data:text/javascript,setInterval(()=>0,100)'
  await using daemon = await Daemon.start({ rules, sourceUrl: mysql.url, env: { NODE_OPTIONS } })
  expect(await daemon.stop()).toBe(0)
  const env = { NODE_OPTIONS, BINGO_SOURCE_URL: mysql.url.replace('root', 'nobody') }
  await using refused = await Daemon.prepare({ rules, sourceUrl: mysql.url, env })
  refused.spawn()
  expect(await refused.ended()).toBe(3)
})

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('a second %s ends the process at once', async (signal, code) => {
  await using daemon = await busyDaemon('10m')
  daemon.signal(signal)
  await daemon.says({ msg: 'stopping' })
  expect(await daemon.stop(signal)).toBe(code)
})

test('SIGHUP loads the rules again and ends nothing', async () => {
  await using daemon = await Daemon.start({ rules, sourceUrl: mysql.url, env: { BINGO_WATCH_RULES: 'false' } })
  daemon.signal('SIGHUP')
  await daemon.says({ msg: 'rules reloaded' })
  expect(await daemon.stop()).toBe(0)
  expect(daemon.said({ msg: 'rules reloaded' })).toHaveLength(1)
})

test('SIGHUP takes changed targets over, and says which settings need a restart', async () => {
  await using before = await WebhookReceiver.start()
  await using after = await WebhookReceiver.start()
  await using daemon = await Daemon.prepare({
    rules: 'rules: [{id: named, table: t, actions: [{target: crm}]}]',
    sourceUrl: mysql.url,
    env: { BINGO_WATCH_RULES: 'false' },
  })
  const file = join(daemon.folder, 'bingo.yaml')
  const write = (url: string, more = ''): Promise<void> =>
    writeFile(file, `targets: {crm: {type: webhook, url: "${url}"}}\n${more}`)
  await write(before.url)
  daemon.spawn({ BINGO_CONFIG: file })
  await daemon.ready()
  await mysql.query('INSERT INTO shop.t VALUES ()')
  await eventually('the first address is called', () => before.requests.length === 1)
  await write(after.url, 'lanes: 3\n')
  daemon.signal('SIGHUP')
  await daemon.says({ msg: 'rules reloaded' })
  expect((await daemon.says({ msg: 'targets reloaded' }))[0]).toMatchObject({ targets: ['crm'] })
  expect((await daemon.says({ code: 'BINGO_CONFIG_RESTART' }))[0]).toMatchObject({ settings: ['lanes'] })
  await mysql.query('INSERT INTO shop.t VALUES ()')
  await eventually('the second address is called', () => after.requests.length === 1)
  expect(before.requests).toHaveLength(1)
  await write('nowhere')
  daemon.signal('SIGHUP')
  await daemon.says({ code: 'BINGO_RULES_NOT_RELOADED' })
  await mysql.query('INSERT INTO shop.t VALUES ()')
  await eventually('the second address is called on', () => after.requests.length === 2)
})
