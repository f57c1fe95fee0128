import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

/** Documented in docs/cli.md: somebody must decide. */
const EXIT_REFUSED = 3

let mysql: SqlServer
let redis: Awaited<ReturnType<typeof startRedis>>
let receiver: WebhookReceiver

beforeAll(async () => {
  ;[mysql, redis, receiver] = await Promise.all([startMysql({ gtid: true }), startRedis(), WebhookReceiver.start()])
  await mysql.query('CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(50))')
})

afterAll(async () => {
  await Promise.all([mysql.stop(), redis.stop(), receiver[Symbol.asyncDispose]()])
})

async function loseCheckpoint(daemon: Daemon): Promise<void> {
  await rm(join(daemon.folder, 'checkpoint'))
}

function rules(action: string): string {
  return `rules:\n  - {id: all, table: shop.t, actions: [${action}]}\n`
}

test('a first start warns in the log and in /readyz; a restart with its checkpoint does not', async () => {
  await using daemon = await Daemon.start({ rules: rules('{type: log}'), sourceUrl: mysql.url })
  expect((await daemon.get('/readyz')).text).toContain('BINGO_FIRST_START')
  await daemon.says({ code: 'BINGO_FIRST_START' })
  await daemon.stop()
  daemon.spawn()
  await daemon.ready()
  expect((await daemon.get('/readyz')).text).not.toContain('BINGO_FIRST_START')
  await daemon.stop()
  expect(daemon.said({ code: 'BINGO_FIRST_START' })).toHaveLength(1)
})

test('a start at a configured position neither warns nor stops', async () => {
  await using daemon = await Daemon.start({
    rules: rules('{type: log}'),
    sourceUrl: mysql.url,
    env: { BINGO_SOURCE_START: 'latest' },
  })
  expect((await daemon.get('/readyz')).text).not.toContain('BINGO_FIRST_START')
})

test('dead letters next to a lost checkpoint stop the start until an operator sets a position', async () => {
  await using daemon = await Daemon.start({
    rules: rules(`{type: webhook, url: "${receiver.url}", body: "{{new.v}}", when: "int(new.v) > 0"}`),
    sourceUrl: mysql.url,
    // In a state file they are lost together.
    env: { BINGO_DEAD_LETTERS_STORE: redis.url },
  })
  await mysql.query("INSERT INTO shop.t (v) VALUES ('no number')")
  await eventually('it is a dead letter', async () => {
    const status = JSON.parse((await daemon.get('/status')).text) as { deadLetters: { count: number | null } }
    return status.deadLetters.count === 1
  })
  await daemon.stop()
  await loseCheckpoint(daemon)
  daemon.spawn()
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
  expect(daemon.output()).toContain('BINGO_CHECKPOINT_LOST')
  expect(daemon.output()).toContain('1 dead letter in')
  expect(daemon.output()).toContain('bingo position set')
  daemon.spawn({ BINGO_SOURCE_START: 'latest' })
  await daemon.ready()
})

test('records of effects in a Redis target reveal that the checkpoint was lost', async () => {
  await using daemon = await Daemon.start({
    rules: rules(`{type: redis, url: "${redis.url}", cmd: INCRBY, key: "count", exactlyOnce: true}`),
    sourceUrl: mysql.url,
    env: { BINGO_NAME: 'counting' },
  })
  await mysql.query("INSERT INTO shop.t (v) VALUES ('1')")
  await eventually('it is delivered', async () => {
    const status = JSON.parse((await daemon.get('/status')).text) as { rules: { all: { deliveredTotal: number } } }
    return status.rules.all?.deliveredTotal > 0
  })
  await daemon.stop()
  await loseCheckpoint(daemon)
  daemon.spawn()
  expect(await daemon.ended()).toBe(EXIT_REFUSED)
  expect(daemon.output()).toContain('bingo:{counting}:applied')
})
