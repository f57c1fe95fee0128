import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

const RULES = `rules:
  - id: cache
    table: users
    actions:
      - {type: redis, cmd: DEL, key: "user:{{id}}"}
`
let mysql: Awaited<ReturnType<typeof startMysql>>
/** Of checkpoint and lease, and of the rules' effects. */
let state: Awaited<ReturnType<typeof startRedis>>
let cache: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, state, cache] = await Promise.all([startMysql({ gtid: true }), startRedis({}), startRedis({})])
  await mysql.query('CREATE DATABASE shop')
  await mysql.query('CREATE TABLE shop.users (id INT PRIMARY KEY AUTO_INCREMENT)')
})

afterAll(() => Promise.all([mysql?.stop(), state?.stop(), cache?.stop()]))

/** With leases that outlast any stall, where nothing waits for the end of one. */
function prepare(name: string, ttl = '60s'): Promise<Daemon> {
  const env = {
    BINGO_NAME: name,
    BINGO_CHECKPOINT_STORE: state.url,
    BINGO_REDIS_URL: cache.url,
    BINGO_STANDBY_LEASE: 'redis',
    BINGO_STANDBY_TTL: ttl,
  }
  return Daemon.prepare({ rules: RULES, sourceUrl: mysql.url, env })
}

async function status(daemon: Daemon): Promise<string> {
  const env = { BINGO_SOURCE_URL: mysql.url, BINGO_HTTP_LISTEN: `127.0.0.1:${daemon.adminPort}` }
  return (await bingo(['status'], { env })).stdout
}

test('two daemons of one name: one leads, the other waits, reports it, and takes over when the first one stops', async () => {
  await using one = await prepare('pair')
  await using two = await prepare('pair')
  one.spawn()
  await one.ready()
  two.spawn()
  await eventually('the second one waits', async () => (await two.reasons()).includes('BINGO_STANDBY'))
  expect((await two.get('/healthz')).status).toBe(200)
  await two.shows('bingo_leader', 0)
  expect(await status(two)).toContain(`:${one.pid}:`)
  expect(await status(one)).toMatch(/lease\s+leading since/)
  const replicas = await mysql.query("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
  expect(replicas).toHaveLength(1)
  expect(await one.stop()).toBe(0)
  await two.ready()
  await two.shows('bingo_leader', 1)
  expect(await two.stop()).toBe(0)
})

test('a standby that is stopped ends without affecting the leader', async () => {
  await using one = await prepare('calm')
  await using two = await prepare('calm')
  one.spawn()
  await one.ready()
  two.spawn()
  await eventually('the second one waits', async () => (await two.reasons()).includes('BINGO_STANDBY'))
  expect(await two.stop()).toBe(0)
  await one.ready()
})

test('a leader that cannot renew its lease delivers nothing, and resumes once it can', async () => {
  await using daemon = await prepare('alone', '2s')
  daemon.spawn()
  await daemon.ready()
  await state.kill('SIGSTOP')
  await eventually('it knows', async () => (await daemon.reasons()).includes('BINGO_LEASE_UNCONFIRMED'))
  const { insertId } = await insertUser()
  await cache.cli('SET', `user:${insertId}`, 'x')
  await eventually('the change was read', async () => (await daemon.metric('bingo_in_flight_jobs')) === 1)
  expect(await cache.cli('EXISTS', `user:${insertId}`)).toContain('1')
  await state.kill('SIGCONT')
  await eventually('it was delivered', async () => (await cache.cli('EXISTS', `user:${insertId}`)).includes('0'))
  await daemon.ready()
})

async function insertUser(): Promise<{ insertId: number }> {
  await cache.cli('FLUSHALL')
  await mysql.query('INSERT INTO shop.users VALUES ()')
  const [row] = await mysql.query<{ insertId: number }>('SELECT MAX(id) AS insertId FROM shop.users')
  return row!
}
