import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { RedisTarget } from '../../src/targets/redis/target.ts'
import { openRedis } from '../../src/clients/redis/redis.ts'
import type { RedisConnection } from '../../src/clients/redis/redis.ts'
import type { Sendable, SendResult } from '../../src/model/rule/action.ts'
import { eventually } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { startRedis } from '../support/servers/redis.ts'
import type { RedisServer } from '../support/servers/redis.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { compile, jobFor } from '../unit/targets/action-spec.ts'

/** A fiftieth of what BinGo uses, so that every timeout comes to pass. */
const COMMAND_TIMEOUT_MS = 100

let server: RedisServer
let proxy: TcpProxy
let connection: RedisConnection
let target: RedisTarget

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  await server.cli('FLUSHALL')
  proxy = await TcpProxy.start(server)
  const url = `redis://127.0.0.1:${proxy.port}`
  connection = openRedis(url, { log: silentLog, name: 'test', commandTimeoutMs: COMMAND_TIMEOUT_MS })
  await connection.whenReady(10_000)
  target = new RedisTarget(connection, Infinity)
})
afterEach(async () => {
  await target.close()
  await proxy[Symbol.asyncDispose]()
})

function jobs(fields: { [name: string]: unknown }, ...ids: number[]): Sendable[] {
  const { plan } = compile({ type: 'redis', ...fields })
  return ids.map((id) => jobFor(plan, { id, status: id }))
}

const count = (): Sendable[] => jobs({ cmd: 'INCRBY', key: 'count' }, 1)
const push = (...ids: number[]): Sendable[] => jobs({ cmd: 'RPUSH', key: 'list', value: '{{id}}' }, ...ids)
const kinds = (result: SendResult) => result?.map((failure) => failure?.kind ?? null)
const counted = async (): Promise<number> => Number(await server.cli('GET', 'count'))
const list = async (): Promise<number[]> =>
  (await server.cli('LRANGE', 'list', '0', '-1')).split('\n').filter(Boolean).map(Number)

/** As the executor does: again and again until it is acknowledged. */
function untilTaken(batch: readonly Sendable[]): Promise<void> {
  return eventually('the batch was taken', async () => (await target.send(batch)) === undefined)
}

test('a reply that is lost with its connection: a retried command counts twice, and no more than that', async () => {
  proxy.dropReplies = true
  const batch = [...count(), ...jobs({ cmd: 'SET', key: 'state', value: '{{id}}' }, 7)]
  expect(kinds(await target.send(batch))).toEqual(['down', 'down'])
  proxy.dropReplies = false
  proxy.cut()
  await untilTaken(batch)
  expect(await counted()).toBe(2)
  expect((await server.cli('GET', 'state')).trim()).toBe('7')
})

test('while a server is stopped nothing queues up behind the command that it owes an answer to', async () => {
  await server.kill('SIGSTOP')
  try {
    expect(kinds(await target.send(count()))).toEqual(['down'])
    for (let i = 0; i < 20; i++) expect(kinds(await target.send(count()))).toEqual(['down'])
    expect(connection.ready).toBe(false)
  } finally {
    await server.kill('SIGCONT')
  }
  await untilTaken(count())
  expect(await counted()).toBe(2)
})

test('replies that went missing in the middle of a connection are not made up for by later ones', async () => {
  proxy.dropReplies = true
  expect(kinds(await target.send(push(1, 2)))).toEqual(['down', 'down'])
  proxy.dropReplies = false
  await untilTaken(push(1, 2))
  expect(await list()).toEqual([1, 2, 1, 2])
  await untilTaken(push(3))
  expect((await list()).slice(4)).toEqual([3])
})

test('a half-open connection is closed and opened again', async () => {
  proxy.halfOpen = true
  expect(kinds(await target.send(push(1)))).toEqual(['down'])
  await eventually('the connection was given up', () => connection.client.status !== 'ready')
  proxy.halfOpen = false
  await untilTaken(push(1))
  expect(await list()).toEqual([1])
})

test('a connection that is cut in the middle of a batch: first arrivals stay in order, none is missing', async () => {
  const ids = Array.from({ length: 5_000 }, (_, i) => i)
  proxy.latencyMs = 5
  const sending = target.send(push(...ids))
  await eventually('half of it is there', async () => proxy.connections > 0)
  proxy.cut()
  const first = await sending
  proxy.latencyMs = 0
  if (first !== undefined) await untilTaken(push(...ids))
  expect([...new Set(await list())]).toEqual(ids)
})

test.each(Array.from({ length: 10 }, (_, i) => i * 6))(
  'a flipped byte, %i bytes into the replies, acknowledges nothing that was not done, and heals',
  async (at) => {
    proxy.flipReplyByteAfter = at
    // What is not acknowledged is sent again; what is acknowledged has to be there.
    if ((await target.send(push(1, 2, 3))) !== undefined) await untilTaken(push(1, 2, 3))
    expect((await list()).slice(-3)).toEqual([1, 2, 3])
    for (let id = 4; id < 8; id++) {
      await untilTaken(push(id))
      expect((await list()).at(-1)).toBe(id)
    }
    const arrived = await list()
    expect([...new Set(arrived)]).toEqual([1, 2, 3, 4, 5, 6, 7])
  },
)
