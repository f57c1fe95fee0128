import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { inTurns } from '../support/forms.ts'
import { startMariadb } from '../support/servers/mariadb.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

type SqlServer = Awaited<ReturnType<typeof startMysql>>
type RedisServer = Awaited<ReturnType<typeof startRedis>>

const FOUNDING_RULE = `rules:
  - id: "user_cache_invalidate"
    table: "users"
    events: ["UPDATE", "DELETE"]
    filter: "NewRow['status'] != OldRow['status']"
    actions:
      - type: "redis"
        cmd: "DEL"
        key: "cache:user:{{ .ID }}"
`

const flavours = [
  { name: 'MySQL with GTIDs', start: () => startMysql({ gtid: true }) },
  { name: 'MySQL without GTIDs, MINIMAL metadata', start: () => startMysql({ gtid: false, rowMetadata: 'MINIMAL' }) },
  { name: 'MariaDB', start: () => startMariadb({ version: '10.11' }) },
]

const sharing = inTurns(flavours)

describe.each(flavours)('on $name', (flavour) => {
  const test = sharing(flavour)
  let sql: SqlServer
  let redis: RedisServer

  beforeAll(async () => {
    ;[sql, redis] = await Promise.all([flavour.start() as Promise<SqlServer>, startRedis({})])
    await sql.query('CREATE DATABASE shop')
    await sql.query('CREATE TABLE shop.users (ID BIGINT PRIMARY KEY, email VARCHAR(100), status INT NOT NULL)')
  })

  afterAll(async () => {
    await Promise.all([sql?.stop(), redis?.stop()])
  })

  async function fill(rows: number): Promise<void> {
    await sql.query('DELETE FROM shop.users')
    for (let first = 1; first <= rows; first += 1000) {
      const values = Array.from(
        { length: Math.min(1000, rows - first + 1) },
        (_, i) => `(${first + i},'u${first + i}@x',0)`,
      )
      await sql.query(`INSERT INTO shop.users VALUES ${values.join(',')}`)
    }
    await redis.cli('FLUSHALL')
    await setKeys(rows)
  }

  async function setKeys(rows: number): Promise<void> {
    await redis.cli('EVAL', `for i=1,${rows} do redis.call('SET','cache:user:'..i,'x') end`, '0')
  }

  const keysLeft = async () => Number(await redis.cli('DBSIZE'))

  function daemon(rules = FOUNDING_RULE, env: Record<string, string> = {}): Promise<Daemon> {
    return Daemon.start({ rules, sourceUrl: sql.url, env: { BINGO_REDIS_URL: redis.url, ...env } })
  }

  test('the founding example deletes the keys of rows whose status changed or that were deleted', async () => {
    await fill(5)
    await using _bingo = await daemon()
    await sql.query('UPDATE shop.users SET status = 1 WHERE ID IN (1, 2)')
    await sql.query("UPDATE shop.users SET email = 'other' WHERE ID = 3")
    await sql.query('DELETE FROM shop.users WHERE ID = 4')
    await eventually('the keys of 1, 2 and 4 are gone', async () => (await keysLeft()) === 2)
    expect((await redis.cli('KEYS', '*')).trim().split('\n').sort()).toEqual(['cache:user:3', 'cache:user:5'])
  })

  test('an UPDATE of 10,000 rows ends as a few multi-key commands', async () => {
    await fill(10_000)
    await using bingo = await daemon()
    await redis.cli('CONFIG', 'RESETSTAT')
    await sql.query('UPDATE shop.users SET status = 1')
    await eventually('all keys are gone', async () => (await keysLeft()) === 0)
    const calls = /cmdstat_(?:del|unlink):calls=(\d+)/.exec(await redis.cli('INFO', 'commandstats'))
    expect(Number(calls?.[1])).toBeLessThan(500)
    await bingo.shows('bingo_in_flight_jobs', 0)
  })

  test('kill -9 in the middle of 10,000 rows loses none of them', async () => {
    await fill(10_000)
    await using bingo = await daemon()
    await sql.query('UPDATE shop.users SET status = 2')
    await eventually('some keys are gone', async () => (await keysLeft()) < 10_000)
    await bingo.stop('SIGKILL')
    bingo.spawn()
    await bingo.ready()
    await eventually('all keys are gone', async () => (await keysLeft()) === 0)
  })

  test('a change that was made while the daemon was down is acted on after its start', async () => {
    await fill(3)
    await using bingo = await daemon()
    await sql.query('UPDATE shop.users SET status = 3 WHERE ID = 1')
    await eventually('the key is gone', async () => (await keysLeft()) === 2)
    expect(await bingo.stop()).toBe(0)
    await sql.query('UPDATE shop.users SET status = 3 WHERE ID = 2')
    bingo.spawn()
    await bingo.ready()
    await eventually('the second key is gone', async () => (await keysLeft()) === 1)
  })

  test('positions can be kept in Redis', async () => {
    await fill(3)
    await using bingo = await daemon(FOUNDING_RULE, { BINGO_CHECKPOINT_STORE: redis.url, BINGO_NAME: 'in-redis' })
    await sql.query('UPDATE shop.users SET status = 4 WHERE ID = 1')
    await eventually(
      'the key is gone',
      async () => (await keysLeft()) <= 3 && (await redis.cli('EXISTS', 'cache:user:1')).trim() === '0',
    )
    expect(await bingo.stop()).toBe(0)
    await sql.query('UPDATE shop.users SET status = 4 WHERE ID = 2')
    bingo.spawn()
    await bingo.ready()
    await eventually('the second key is gone', async () => (await redis.cli('EXISTS', 'cache:user:2')).trim() === '0')
  })

  test('a webhook that temporarily answers 500 receives every event once, in order per key', async () => {
    await sql.query('DELETE FROM shop.users')
    await using receiver = await WebhookReceiver.start()
    const rules = `rules:
  - id: crm
    table: shop.users
    actions:
      - {type: webhook, url: "${receiver.url}/hook", body: {id: "{{id}}", status: "{{new.status}}", event: "{{event.id}}"}}
`
    await using _bingo = await daemon(rules)
    let failing = true
    receiver.answer = () => (failing ? 500 : 204)
    for (let id = 1; id <= 20; id++) await sql.query('INSERT INTO shop.users VALUES (?, ?, 0)', [id, 'x'])
    for (let status = 1; status <= 5; status++) await sql.query('UPDATE shop.users SET status = ?', [status])
    await eventually('a few attempts failed', () => receiver.requests.length > 3)
    failing = false
    await eventually('all 120 events arrived', () => receiver.delivered().length >= 120)
    const byKey = Map.groupBy(receiver.delivered(), (event) => event['id'])
    expect(byKey.size).toBe(20)
    for (const events of byKey.values()) expect(events.map((event) => event['status'])).toEqual([0, 1, 2, 3, 4, 5])
    expect(new Set(receiver.delivered().map((event) => event['event'])).size).toBe(120)
  })

  test('an UPDATE of the primary key deletes the cache entries of both keys', async () => {
    await fill(1)
    await using _bingo = await daemon(FOUNDING_RULE.replace(/ {4}filter.*\n/, ''))
    await redis.cli('SET', 'cache:user:77', 'x')
    await sql.query('UPDATE shop.users SET ID = 77 WHERE ID = 1')
    await eventually('both keys are gone', async () => (await keysLeft()) === 0)
  })

  test('SIGTERM delivers what waits in a window and exits 0', async () => {
    await fill(3)
    await using bingo = await daemon(FOUNDING_RULE.replace('actions:', 'debounce: 1m\n    actions:'))
    await sql.query('UPDATE shop.users SET status = 9')
    await eventually('the rows are in the window', async () => ((await bingo.metric('bingo_in_flight_jobs')) ?? 0) >= 3)
    expect(await keysLeft()).toBe(3)
    expect(await bingo.stop()).toBe(0)
    expect(await keysLeft()).toBe(0)
  })
})
