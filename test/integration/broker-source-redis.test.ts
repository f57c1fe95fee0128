import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { brokerDaemon, listOf, rewrite, started } from '../support/broker-daemon.ts'
import { besides, eventually } from '../support/daemon.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

let redis: RedisServer
let streams: RedisServer

beforeAll(async () => {
  ;[redis, streams] = await Promise.all([startRedis(), startRedis()])
})
afterAll(() => Promise.all([redis.stop(), streams.stop()]))
beforeEach(() => Promise.all([redis.cli('FLUSHALL'), streams.cli('FLUSHALL')]))

const RULES = `rules:
  - {id: seen, on: "**", actions: [{type: redis, cmd: RPUSH, key: "seen:{{key}}", value: "{{payload.n}}"}]}
  - {id: gaps, events: [GAP], actions: [{type: redis, cmd: RPUSH, key: gaps, value: "{{new.reason}}"}]}
`
const entry = (keys: string, more = ''): string =>
  `{name: orders, type: redis, url: "${streams.url}", streams: ${keys}, group: bingo, format: json, from: earliest${more}}`

/** All of them by one process: each takes a second where the machine is busy. */
const ADD = `for n = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  redis.call('XADD', KEYS[1], '*', 'key', 'k' .. n % 3, 'value', '{"n":' .. n .. '}')
end`

async function add(stream: string, first: number, count: number): Promise<void> {
  await streams.cli('EVAL', ADD, '1', stream, String(first), String(count))
}
const seen = async (key: string): Promise<readonly number[]> => (await listOf(redis, `seen:${key}`)).map(Number)
const allSeen = async (): Promise<readonly number[]> => (await Promise.all(['k0', 'k1', 'k2'].map(seen))).flat()

async function expectOrder(count: number): Promise<void> {
  for (let key = 0; key < 3; key++) {
    const wanted = Array.from({ length: count }, (_, n) => n).filter((n) => n % 3 === key)
    expect([...new Set(await seen(`k${key}`))]).toEqual(wanted)
  }
}
const pending = async (stream: string): Promise<number> =>
  Number((await streams.cli('XPENDING', stream, 'bingo')).split('\n')[0])

test('no entry is lost and each key keeps its order while the daemon and the server are killed, and a clean stop leaves nothing pending', async () => {
  await using daemon = await started(await brokerDaemon(entry('[orders]'), RULES, redis))
  await add('orders', 0, 60)
  await daemon.stop('SIGKILL')
  await add('orders', 60, 60)
  await started(daemon)
  await streams.kill()
  await delay(300)
  await streams.restart()
  await add('orders', 120, 30)
  await eventually('all are seen', async () => new Set(await allSeen()).size === 150)
  await expectOrder(150)
  expect(await daemon.stop()).toBe(0)
  expect(await pending('orders')).toBe(0)
  const before = (await allSeen()).length
  await started(daemon)
  await add('orders', 150, 1)
  await eventually('the next one comes', async () => (await seen('k0')).includes(150))
  expect((await allSeen()).length).toBe(before + 1)
})

test('pending entries that a reader left behind come first, and streams that appear later are read whole', async () => {
  await add('shop:a', 0, 3)
  await streams.cli('XGROUP', 'CREATE', 'shop:a', 'bingo', '0')
  await streams.cli('XREADGROUP', 'GROUP', 'bingo', 'bingo:dead@elsewhere', 'COUNT', '2', 'STREAMS', 'shop:a', '>')
  await using daemon = await started(await brokerDaemon(entry('["shop:*"]'), RULES, redis))
  await eventually('all are seen', async () => (await allSeen()).length === 3)
  await eventually('none is pending', async () => (await pending('shop:a')) === 0)
  await add('shop:b', 3, 3)
  await eventually('the new stream is read', async () => (await allSeen()).length === 6)
  await streams.cli('DEL', 'shop:b')
  await add('shop:b', 6, 3)
  await eventually('it is read again after it was deleted', async () => new Set(await allSeen()).size === 9)
  await daemon.stop()
  expect(daemon.said({ code: 'BINGO_BROKER_GAP' })).toEqual([])
})

test('an entry that another program has claimed and never acknowledged is read after a minute, before newer ones', async () => {
  await add('claimed', 0, 3)
  await streams.cli('XGROUP', 'CREATE', 'claimed', 'bingo', '0')
  const read = ['XREADGROUP', 'GROUP', 'bingo', 'program', 'COUNT', '1', 'STREAMS', 'claimed', '>']
  const id = /\d+-\d+/.exec(await streams.cli(...read))![0]
  await streams.cli('XCLAIM', 'claimed', 'bingo', 'program', '0', id, 'IDLE', '61000', 'JUSTID')
  await using _daemon = await started(await brokerDaemon(entry('[claimed]'), RULES, redis))
  await eventually('all are seen', async () => (await allSeen()).length === 3)
  await eventually('none is pending', async () => (await pending('claimed')) === 0)
})

test('an entry that cannot be read is a dead letter with its bytes, and those behind it go on', async () => {
  await using daemon = await started(await brokerDaemon(entry('[orders]'), RULES, redis))
  await streams.cli('XADD', 'orders', '*', 'key', 'k0', 'value', '{"n":')
  await streams.cli('XADD', 'orders', '*', 'key', 'k0', 'n', '7')
  await eventually('the next one comes', async () => (await seen('k0')).length === 1)
  await daemon.shows('bingo_dead_letters', 1)
  expect(await seen('k0')).toEqual([7])
  const letters = await bingo(['dead-letters', 'list', '--json'], { env: besides(daemon) })
  expect(letters.stdout).toContain(Buffer.from('{"n":').toString('base64'))
})

test('entries that were trimmed before they were read stop the daemon with words, and are a GAP event where it may go on', async () => {
  await using daemon = await started(await brokerDaemon(entry('[orders]'), RULES, redis))
  await add('orders', 0, 6)
  await eventually('all are seen', async () => (await allSeen()).length === 6)
  expect(await daemon.stop()).toBe(0)
  await add('orders', 6, 6)
  await streams.cli('XTRIM', 'orders', 'MAXLEN', '=', '2')
  daemon.spawn()
  expect(await daemon.ended()).toBe(3)
  await rewrite(daemon, entry('[orders]', ', onGap: earliest'))
  await started(daemon)
  await eventually('what is left is read', async () => (await allSeen()).length === 8)
  await eventually('the gap is told', async () => (await listOf(redis, 'gaps')).length === 1)
  expect((await listOf(redis, 'gaps'))[0]).toContain('4 entries were trimmed')
})

test('a stream has one reader at a time, and another instance takes over when that one is killed', async () => {
  await using first = await started(await brokerDaemon(entry('[orders]'), RULES, redis, { BINGO_NAME: 'first' }))
  await using second = await started(await brokerDaemon(entry('[orders]'), RULES, redis, { BINGO_NAME: 'second' }))
  await add('orders', 0, 30)
  await eventually('all are seen', async () => (await allSeen()).length === 30)
  const killedAt = new Date().toISOString()
  await first.stop('SIGKILL')
  await add('orders', 30, 30)
  await eventually('the second has taken over', async () => new Set(await allSeen()).size === 60)
  await expectOrder(60)
  await second.stop()
  const tookOver = second.said({ msg: 'reading a stream' }).map(({ time }) => String(time))
  expect(tookOver.filter((time) => time < killedAt)).toEqual([])
  expect(tookOver).not.toEqual([])
})
