import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openRedis } from '../../src/clients/redis/redis.ts'
import { RedisWaitingStore } from '../../src/state/waiting/redis/store.ts'
import { interleaved } from '../support/interleaved-redis.ts'
import { silentLog } from '../support/jobs.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { describeWaiting, ids, record } from '../unit/state/waiting/contract.ts'
import { expectOneMoment } from '../unit/state/waiting/moving.ts'

let server: RedisServer
const opened: RedisWaitingStore[] = []

beforeAll(async () => {
  server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
})
afterAll(() => server.stop())
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

function open(name: string): RedisWaitingStore {
  const store = new RedisWaitingStore(openRedis(server.url, { log: silentLog, name: 'test' }), name)
  opened.push(store)
  return store
}

describe('waiting events in Redis', () => {
  let places = 0
  describeWaiting(() => {
    const name = `place-${++places}`
    return async () => open(name)
  })

  test('survive a Redis that is killed', async () => {
    const store = open('killed')
    await store.add([record(1), record(2)])
    await server.kill('SIGKILL')
    await server.restart()
    expect(await ids(open('killed'))).toEqual([1, 2])
  })

  test('are read as they are at one moment, however they move meanwhile', async () => {
    await expectOneMoment(open('moving'), open('moving'))
  })

  test('are totalled as they are at one moment, whatever somebody else does between two commands', async () => {
    const store = open('totals')
    const [place] = await store.add([record(1), record(2, { line: 'delay/rule' })])
    const before = await store.lines()
    // Another process replays: the only record of one line moves to another, and more come.
    const steps = [
      () => store.add([{ ...record(1, { line: 'spool/mail' }), from: place! }, record(3, { line: 'delay/rule' })]),
    ]
    const redis = interleaved(openRedis(server.url, { log: silentLog, name: 'test' }), steps)
    const reader = new RedisWaitingStore(redis, 'totals')
    opened.push(reader)
    expect(await reader.lines()).toEqual(before)
    expect((await reader.lines()).map(({ line, count }) => `${line} ${count}`).toSorted()).toEqual([
      'delay/rule 2',
      'spool/mail 1',
    ])
  })

  test('of two instances do not mix, and leave nothing behind when all were removed', async () => {
    const store = open('one')
    const places = (await store.add([record(1), record(2, { line: 'delay/rule' })])) as number[]
    expect(await open('two').lines()).toEqual([])
    await store.remove(places)
    const redis = openRedis(server.url, { log: silentLog, name: 'look' })
    await redis.whenReady(5_000)
    expect(await redis.client.keys('bingo:{one}:waiting*')).toEqual(['bingo:{one}:waiting:sequence'])
    await redis.close()
  })
})
