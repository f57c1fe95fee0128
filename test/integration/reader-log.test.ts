import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, type Daemon } from '../support/daemon.ts'
import { Fleet } from '../support/scale/fleet.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>
let changes: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, redis, changes] = await Promise.all([startMysql({ gtid: true }), startRedis(), startRedis()])
})

afterAll(() => Promise.all([mysql?.stop(), redis?.stop(), changes?.stop()]))

const waitsFor = (reader: Daemon, code: string): Promise<unknown> =>
  eventually(`it says ${code}`, async () => (await reader.reasons()).includes(code))

test('a reader that may not use its log, or cannot reach it, is not ready before the first change, and says why until it can', async () => {
  const user = (...rights: string[]): Promise<string> =>
    changes.cli('ACL', 'SETUSER', 'changes', 'on', 'reset', 'on', '>right', '~bingo-events:*', ...rights)
  const reading = ['+@read', '+@connection', '+@scripting', '+info', '+config|get']
  await user(...reading)
  await using fleet = await Fleet.prepare({
    mysql,
    redis,
    name: 'poor',
    through: `redis://changes:wrong@127.0.0.1:${changes.port}/1`,
  })
  const refused = await fleet.prepareOne('reader')
  refused.spawn()
  await waitsFor(refused, 'BINGO_LOG_REFUSED')
  await refused.stop()
  const through = `redis://changes:right@127.0.0.1:${changes.port}/1`
  const reader = await fleet.prepareOne('reader', { BINGO_SCALE_THROUGH: through })
  reader.spawn()
  await waitsFor(reader, 'BINGO_LOG_REFUSED')
  await reader.says({ msg: 'waiting for the log of changes' })
  await changes.kill()
  await waitsFor(reader, 'BINGO_LOG_UNREACHABLE')
  await changes.restart()
  await user(...reading, '+@write')
  await reader.ready()
  expect((await changes.cli('-n', '1', 'KEYS', '*')).trim()).toBe('')
})

test('a reader does not start on a log that drops records', async () => {
  await changes.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  await using fleet = await Fleet.prepare({ mysql, redis, name: 'unsafe', through: `${changes.url}/2` })
  const reader = await fleet.prepareOne('reader')
  reader.spawn()
  expect(await reader.ended()).toBe(1)
  expect(reader.output()).toContain('BINGO_LOG_UNSAFE')
})
