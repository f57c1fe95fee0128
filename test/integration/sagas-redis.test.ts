import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SagaInstance } from '../../src/model/saga/instance.ts'
import { openSagaStore } from '../../src/state/open.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { Participants } from '../support/sagas/participants.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
})
afterAll(() => server.stop())

async function instance(key: string): Promise<SagaInstance | null> {
  const settings = { name: 'bingo', checkpoint: server.url, deadLetters: undefined, log: silentLog }
  const store = await openSagaStore(settings)
  try {
    return (await store.load([{ saga: 'order', key }]))[0] ?? null
  } finally {
    await store.close()
  }
}

async function post(daemon: Daemon, type: string, orderId: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}/api/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ event: { id: `${type}-${orderId}`, type, payload: { orderId } } }),
    headers: { 'content-type': 'application/json' },
  })
  expect(response.status).toBe(200)
}

const isNow = (key: string, status: string): Promise<void> =>
  eventually(`${key} is ${status}`, async () => (await instance(key))?.status === status)

test('sagas in Redis go on after kills of the daemon and of Redis, though no rules file names them any more', async () => {
  const state = { isDown: true }
  await using services = await Participants.start({
    behave: (step) => (step === 'charge' && state.isDown ? 'unavailable' : 'answer'),
  })
  const step = (id: string): string =>
    `{id: ${id}, action: {type: webhook, url: "${services.url(id, 'do')}"}, compensate: {type: webhook, url: "${services.url(id, 'undo')}"}, retry: {attempts: 100, min: 20ms, max: 100ms}}`
  const rules = `
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    steps:
      - ${step('reserve')}
      - ${step('charge')}
`
  const env = {
    BINGO_EVENTS_ENVIRONMENTS: 'default',
    BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8',
    BINGO_SAGAS_STORE: server.url,
  }
  await using daemon = await Daemon.start({ rules, sourceUrl: '', env })
  await post(daemon, 'orders.order.create', '1')
  await eventually('charge waits', async () => ((await instance('1'))?.steps['charge']?.attempts ?? 0) > 0)
  await daemon.stop('SIGKILL')
  await server.kill('SIGKILL')
  await writeFile(daemon.rulesFile, 'rules: []\n')
  state.isDown = false
  daemon.spawn()
  await daemon.says(({ msg }) => msg.includes('sagas wait for their store'))
  await server.restart()
  await daemon.ready()
  await isNow('1', 'completed')
  expect(services.entry('order/1', 'charge')).toMatchObject({ done: true, undone: false })
  expect([...services.entry('order/1', 'charge')!.ids.get('do')!]).toEqual(['order/1/charge/do'])
})

test('check --online and the start say what this Redis can lose of sagas, and nothing where it loses nothing', async () => {
  await using services = await Participants.start({ behave: () => 'answer' })
  const rules = `
sagas:
  - id: order
    table: shop.orders
    events: [INSERT]
    key: "{{id}}"
    steps: [{id: reserve, action: {type: webhook, url: "${services.url('reserve', 'do')}"}, compensate: none}]
`
  const env = {
    BINGO_EVENTS_ENVIRONMENTS: 'default',
    BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8',
    BINGO_SAGAS_STORE: server.url,
  }
  await using daemon = await Daemon.start({ rules, sourceUrl: '', env })
  const checked = async (): Promise<string> => {
    const state = { BINGO_CHECKPOINT_STORE: `file:${daemon.folder}/other/`, BINGO_RULES: daemon.rulesFile }
    const { code, stdout, stderr } = await bingo(['check', '--online'], { env: { ...env, ...state } })
    expect(code).toBe(0)
    return stdout + stderr
  }
  expect(await checked()).not.toContain('BINGO_SAGA_STORE_UNSAFE')
  await server.cli('CONFIG', 'SET', 'appendfsync', 'everysec')
  expect(await checked()).toMatch(/BINGO_SAGA_STORE_UNSAFE.*a power cut of Redis can lose.*appendfsync everysec/)
  await daemon.stop('SIGTERM')
  expect(daemon.said({ code: 'BINGO_SAGA_STORE_UNSAFE' })).toEqual([])
  daemon.spawn()
  await daemon.ready()
  await daemon.says({ code: 'BINGO_SAGA_STORE_UNSAFE' })
})
