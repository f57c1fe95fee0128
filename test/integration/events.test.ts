import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { bingo } from './cli-process.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
beforeEach(() => redis.cli('FLUSHALL'))

interface Answer {
  readonly status: number
  readonly body: { readonly [field: string]: unknown }
}

/** A daemon for posted events alone, kept in a file. */
async function eventsDaemon(rules: string, env: Record<string, string> = {}): Promise<Daemon> {
  return Daemon.start({
    rules: `rules:\n${rules}`,
    sourceUrl: '',
    env: { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_REDIS_URL: redis.url, ...env },
  })
}

const WELCOME =
  '  - {id: welcome, on: users.user.create, actions: [{type: redis, cmd: RPUSH, key: "welcome:{{key}}", value: "{{payload.id}}"}]}\n'

async function call(daemon: Daemon, method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const post = (daemon: Daemon, event: object, options: object = {}) =>
  call(daemon, 'POST', '/api/v1/events', { event: { type: 'users.user.create', ...event }, options })

async function becomes(daemon: Daemon, id: string, status: string): Promise<Answer['body']> {
  let body: Answer['body'] = {}
  await eventually(`${id} is ${status}`, async () => {
    body = (await call(daemon, 'GET', `/api/v1/events/${id}`)).body
    return body['status'] === status
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(body)}\n${daemon.output()}`)
  })
  return body
}

const list = async (key: string): Promise<readonly string[]> =>
  (await redis.cli('LRANGE', key, '0', '-1')).split('\n').filter((line) => line !== '')

test('a posted event runs its rule, in the order of its key, and says what was done', async () => {
  await using daemon = await eventsDaemon(WELCOME)
  for (let i = 1; i <= 20; i++) {
    const { status, body } = await post(daemon, { id: `e${i}`, key: 'anna', payload: { id: i } })
    expect([status, body['durability']]).toEqual([200, 'fsync'])
  }
  const last = await becomes(daemon, 'e20', 'completed')
  expect(last).toMatchObject({ matched: 1, outcomes: [{ rule: 'welcome', action: 0, status: 'done' }] })
  expect(await list('welcome:anna')).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 1)))
  await post(daemon, { id: 'other', type: 'nobody.wants.this' })
  expect(await becomes(daemon, 'other', 'completed')).toMatchObject({ matched: 0, outcomes: [] })
})

test('an event that was answered has its effect although the daemon is killed before', async () => {
  await using daemon = await eventsDaemon(WELCOME)
  await redis.kill()
  for (const id of ['1', '2', '3']) {
    expect((await post(daemon, { id, key: 'kill', payload: { id } })).status).toBe(200)
  }
  await post(daemon, { id: 'later', key: 'kill', payload: { id: 'later' } }, { deliverAfter: 3 })
  await daemon.stop('SIGKILL')
  await redis.restart()
  daemon.spawn()
  await daemon.ready()
  await becomes(daemon, 'later', 'completed')
  expect(await list('welcome:kill')).toEqual(['1', '2', '3', 'later'])
  expect(await daemon.stop()).toBe(0)
})

test('a failed event names its dead letter, and is completed by a retry of it; a rule that was disabled is not run', async () => {
  const rules =
    '  - {id: strict, on: users.user.create, actions: [{type: redis, cmd: SET, key: "u:{{payload.id}}", value: x}]}\n'
  await using daemon = await eventsDaemon(rules)
  await post(daemon, { id: 'bad', key: 'k', payload: {} })
  const failed = await becomes(daemon, 'bad', 'failed')
  expect(failed['outcomes']).toMatchObject([
    { rule: 'strict', status: 'failed', deadLetter: expect.stringMatching(/^bad#strict#/) },
  ])
  await writeFile(daemon.rulesFile, `rules:\n${rules.replace('{{payload.id}}', '{{key}}')}`)
  await daemon.says({ msg: 'rules reloaded' })
  const retried = await bingo(['dead-letters', 'retry', '--all', '--by', 'strict#1'], { env: besides(daemon) })
  expect([retried.stdout, retried.stderr]).toEqual(['1 delivered, 0 remaining\n', ''])
  expect(await becomes(daemon, 'bad', 'completed')).toMatchObject({ retryCount: 1, outcomes: [{ status: 'done' }] })
  const path = '/api/v1/event-dispatchers/strict'
  expect((await call(daemon, 'POST', `${path}/disable`)).body).toMatchObject({ enabled: false, disabledBy: 'local' })
  await post(daemon, { id: 'quiet', payload: { id: 1 } })
  expect(await becomes(daemon, 'quiet', 'completed')).toMatchObject({ matched: 0 })
  await call(daemon, 'POST', `${path}/enable`)
  expect((await call(daemon, 'POST', `${path}/invoke`, { id: 'by-hand', key: '7' })).status).toBe(200)
  await becomes(daemon, 'by-hand', 'completed')
  expect((await redis.cli('GET', 'u:7')).trim()).toBe('x')
})

test('the command line publishes, shows, cancels, replays and follows events, and switches rules', async () => {
  await using daemon = await eventsDaemon(WELCOME)
  const cli = (...args: string[]) => bingo(args, { env: besides(daemon) })
  const following = Promise.all([
    cli('events', 'tail', '--on', 'users.**', '--limit', '1'),
    cli('tail', '--events', '--limit', '1'),
  ])
  await eventually('readers follow', async () => {
    await post(daemon, { id: `ping-${Date.now()}`, type: 'users.ping' })
    return Promise.race([following.then(() => true), delay(500).then(() => false)])
  })
  for (const { stdout } of await following) expect(JSON.parse(stdout)).toMatchObject({ type: 'users.ping' })

  const file = join(daemon.folder, 'events.ndjson')
  await writeFile(file, '{"type":"users.user.create","id":"f1","key":"cli","payload":{"id":9007199254740993}}\n\n')
  const published = await cli('events', 'publish', '--file', file)
  expect([published.code, published.stdout]).toEqual([0, 'f1 users.user.create stored (fsync)\n'])
  await becomes(daemon, 'f1', 'completed')
  const shown = await cli('events', 'show', 'f1')
  expect(shown.stdout).toMatch(/^f1 users.user.create: completed, matched 1 rule\n {2}welcome#1 done /)
  expect(shown.stdout).toContain('9007199254740993')
  expect((await cli('events', 'list', '--type', 'users.user.*')).stdout).toMatch(
    /completed +1 +users.user.create +cli +f1/,
  )
  expect((await cli('events', 'replay', 'f1', '--if-no-effect')).stderr).toContain('BINGO_EVENT_HAS_EFFECT')
  expect((await cli('events', 'show', 'none')).code).toBe(1)

  await cli('events', 'publish', 'a.b', '--id', 'later', '--deliver-after', '1h', '--payload', '{"a":1}')
  expect((await cli('events', 'cancel', 'later')).stdout).toContain('later a.b: cancelled')
  const wrong = await cli('events', 'publish', 'a b')
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('BINGO_EVENT_REFUSED')])

  expect((await cli('rules', 'disable', 'welcome')).stdout).toMatch(/^welcome disabled since .* by local\n$/)
  expect((await cli('rules', 'list')).stdout).toMatch(/welcome +disabled since .*users.user.create/)
  expect((await cli('rules', 'enable', 'welcome', '--json')).stdout).toContain('"enabled":true')
})
