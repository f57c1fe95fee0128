import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { SagaInstance } from '../../src/model/saga/instance.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { Participants, type Behaviour, type ParticipantsOptions } from '../support/sagas/participants.ts'

const ENV = { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8' }
const webhook = (services: Participants, step: string, op: 'do' | 'undo'): string =>
  `{type: webhook, url: "${services.url(step, op)}", body: {order: "{{saga.key}}", items: "{{payload.items}}"}}`

function rulesOf(services: Participants): string {
  const step = (id: string, more = ''): string =>
    `{id: ${id}, action: ${webhook(services, id, 'do')}, compensate: ${webhook(services, id, 'undo')}, retry: {attempts: 3, min: 20ms, max: 100ms}${more}}`
  return `
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    deadline: 10m
    steps:
      - ${step('reserve', ', confirm: {on: inventory.reserved}, reject: {on: inventory.rejected}, timeout: 2m')}
      - parallel:
        - ${step('charge')}
        - ${step('ship', ', when: "steps.reserve.output.warehouse == 4"')}
`
}

async function post(daemon: Daemon, type: string, orderId: string, payload: object = {}): Promise<void> {
  const event = { id: `${type}-${orderId}`, type, payload: { orderId, items: 2, ...payload } }
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}/api/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ event }),
    headers: { 'content-type': 'application/json' },
  })
  expect(response.status).toBe(200)
}

/** As it stands in the state file. */
function instance(daemon: Daemon, key: string): SagaInstance | null {
  using database = new DatabaseSync(join(daemon.folder, 'checkpoint'), { readOnly: true })
  const row = database.prepare('SELECT body FROM saga_instances WHERE key = ?').get(key)
  return row === undefined ? null : (JSON.parse(row['body'] as string) as SagaInstance)
}

async function ends(daemon: Daemon, key: string, status: string): Promise<SagaInstance> {
  await eventually(`${key} is ${status}`, async () => instance(daemon, key)?.status === status).catch(
    (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(instance(daemon, key))}\n${daemon.output()}`)
    },
  )
  return instance(daemon, key)!
}

async function services(behave: (step: string, op: string) => Behaviour): Promise<Participants> {
  const options: ParticipantsOptions = { behave }
  return Participants.start(options)
}

/** What a service stands at. */
function stateOf(participants: Participants, key: string, step: string): string {
  const entry = participants.entry(`order/${key}`, step)
  return entry === undefined ? 'not asked' : entry.undone ? 'undone' : entry.done ? 'done' : 'refused'
}

test('a saga goes through its steps by answers and events, and gives outputs on', async () => {
  await using participants = await services(() => 'answer')
  await using daemon = await Daemon.start({ rules: rulesOf(participants), sourceUrl: '', env: ENV })
  await post(daemon, 'orders.order.create', '1')
  await eventually('reserve is asked', async () => stateOf(participants, '1', 'reserve') === 'done')
  expect(instance(daemon, '1')).toMatchObject({ status: 'running' })
  await post(daemon, 'inventory.reserved', '1', { warehouse: 4 })
  const { steps } = await ends(daemon, '1', 'completed')
  expect(steps['reserve']!.output).toEqual({ step: 'reserve', saga: 'order/1', orderId: '1', items: 2, warehouse: 4 })
  expect(['charge', 'ship'].map((step) => stateOf(participants, '1', step))).toEqual(['done', 'done'])
  const { ids } = participants.entry('order/1', 'reserve')!
  expect([...ids.get('do')!]).toEqual(['order/1/reserve/do'])
  await daemon.shows('bingo_sagas_started_total', 1)
})

test('what was done is undone when a step is refused, and the start comes once although it is posted twice', async () => {
  await using participants = await services((step, op) => (step === 'charge' && op === 'do' ? 'refuse' : 'answer'))
  await using daemon = await Daemon.start({ rules: rulesOf(participants), sourceUrl: '', env: ENV })
  await post(daemon, 'orders.order.create', '2')
  await post(daemon, 'orders.order.create', '2')
  await post(daemon, 'inventory.reserved', '2', { warehouse: 4 })
  await ends(daemon, '2', 'compensated')
  expect(['reserve', 'charge', 'ship'].map((step) => stateOf(participants, '2', step))).toEqual([
    'undone',
    'refused',
    'undone',
  ])
})

test('a saga goes on after a kill, by the definition that it began with', async () => {
  const state = { isDown: true }
  await using participants = await services((step) => (step === 'charge' && state.isDown ? 'unavailable' : 'answer'))
  await using daemon = await Daemon.start({ rules: rulesOf(participants), sourceUrl: '', env: ENV })
  await post(daemon, 'orders.order.create', '3')
  await post(daemon, 'orders.order.create', '4')
  await post(daemon, 'inventory.reserved', '3', { warehouse: 5 })
  await eventually('charge waits', async () => (instance(daemon, '3')?.steps['charge']?.attempts ?? 0) > 0)
  await daemon.stop('SIGKILL')
  await writeFile(daemon.rulesFile, 'rules: []\n')
  state.isDown = false
  daemon.spawn()
  await daemon.ready()
  expect((await ends(daemon, '3', 'completed')).steps['ship']!.status).toBe('skipped')
  // Its confirmation is still listened to.
  await post(daemon, 'inventory.rejected', '4')
  await ends(daemon, '4', 'compensated')
  expect(stateOf(participants, '4', 'reserve')).toBe('done')
})

test('commands of sagas wait for a target that is paused, over a stop and a kill, and go when it is resumed', async () => {
  await using participants = await services(() => 'answer')
  await using daemon = await Daemon.start({ rules: rulesOf(participants), sourceUrl: '', env: ENV })
  const operate = (what: string, target: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${daemon.adminPort}/targets/${what}?target=${encodeURIComponent(target)}`, {
      method: 'POST',
    })
  await post(daemon, 'orders.order.create', '5')
  await eventually('reserve is asked', async () => stateOf(participants, '5', 'reserve') === 'done')
  const status = (await (await fetch(`http://127.0.0.1:${daemon.adminPort}/status`)).json()) as { targets: object }
  const target = Object.keys(status.targets).find((id) => id.startsWith('webhook'))!
  const labels = `{target="${target}",type="webhook"}`
  await daemon.shows(`bingo_target_sends_total${labels}`, 1)
  expect((await operate('pause', `${target}/nobody`)).status).toBe(404)
  expect((await operate('pause', target)).status).toBe(200)
  await daemon.shows(`bingo_target_paused${labels}`, 1)
  await post(daemon, 'inventory.reserved', '5', { warehouse: 4 })
  const attempts = (): number => instance(daemon, '5')!.steps['charge']!.attempts
  await eventually('charge is on its way', async () => attempts() === 1)
  await daemon.stop('SIGTERM')
  daemon.spawn()
  await daemon.ready()
  await eventually('charge is taken up again', async () => attempts() === 2)
  await daemon.stop('SIGKILL')
  daemon.spawn()
  await daemon.ready()
  await eventually('charge is taken up once more', async () => attempts() === 3)
  expect(['charge', 'ship'].map((step) => stateOf(participants, '5', step))).toEqual(['not asked', 'not asked'])
  expect(instance(daemon, '5')!.steps['charge']!.failures).toBe(0)
  expect((await operate('resume', target)).status).toBe(200)
  await ends(daemon, '5', 'completed')
  await daemon.shows(`bingo_target_paused${labels}`, 0)
})
