import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { SagaInstance } from '../../src/model/saga/instance.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

const ENV = { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8' }
const AT_ONCE = 200

async function start(rules: string, targets = ''): Promise<Daemon> {
  const daemon = await Daemon.prepare({ rules, sourceUrl: '', env: ENV })
  const file = join(daemon.folder, 'bingo.yaml')
  await writeFile(file, `targets: {${targets}}\n`)
  daemon.spawn({ BINGO_CONFIG: file })
  await daemon.ready()
  return daemon
}

async function post(daemon: Daemon, type: string, ids: readonly number[]): Promise<void> {
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE)
    const events = some.map((id) => ({ id: `${type}-${id}`, type, payload: { orderId: `${id}` } }))
    const response = await fetch(`http://127.0.0.1:${daemon.adminPort}/api/v1/events/bulk`, {
      method: 'POST',
      body: JSON.stringify({ events }),
      headers: { 'content-type': 'application/json' },
    })
    expect(response.status).toBe(200)
  }
}

function instances(daemon: Daemon): readonly SagaInstance[] {
  using database = new DatabaseSync(join(daemon.folder, 'checkpoint'), { readOnly: true })
  const rows = database.prepare('SELECT body FROM saga_instances').all()
  return rows.map((row) => JSON.parse(row['body'] as string) as SagaInstance)
}

/** Counted by SQLite: reading thousands of instances for each look takes the time that these need to go on. */
function countOf(daemon: Daemon, where: string): number {
  using database = new DatabaseSync(join(daemon.folder, 'checkpoint'), { readOnly: true })
  return database.prepare(`SELECT count(*) AS count FROM saga_instances WHERE ${where}`).get()!['count'] as number
}

async function ends(daemon: Daemon, status: string, count: number): Promise<void> {
  const all = (): boolean => countOf(daemon, `status = '${status}'`) === count
  await eventually(`${count} are ${status}`, all).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(instances(daemon).slice(0, 2))}\n${daemon.output()}`)
  })
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
const attemptsOf = (of: readonly SagaInstance[], step: string): number =>
  of.reduce((sum, { steps }) => sum + steps[step]!.attempts + steps[step]!.undoAttempts, 0)
const pathsOf = (receiver: WebhookReceiver, path: string): number =>
  receiver.requests.filter((each) => each.path === path).length
const hook = (url: string): string => `{type: webhook, url: "${url}", body: {order: "{{saga.key}}"}}`
const ordersOf = (receiver: WebhookReceiver, path: string): ReadonlySet<string> =>
  new Set(receiver.requests.filter((each) => each.path === path).map(({ body }) => body))
const named = (name: string, target: string): string => `${name}{target="${target}",type="webhook"}`
const metric = (daemon: Daemon, name: string, target: string): Promise<number | undefined> =>
  daemon.metric(named(name, target))

async function targetId(daemon: Daemon, port: string): Promise<string> {
  const { targets } = JSON.parse((await daemon.get('/status')).text) as { targets: object }
  return Object.keys(targets).find((id) => id.includes(port))!
}

/** As `bingo targets pause | resume | drop` asks for it. */
const operate = ({ adminPort }: Daemon, what: string, target: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${adminPort}/targets/${what}?target=${encodeURIComponent(target)}`, { method: 'POST' })

test('the rate of a target is kept over the events of rules and the commands of sagas together', async () => {
  await using receiver = await WebhookReceiver.start()
  const rules = `
rules:
  - {id: audit, on: audit.order.noted, actions: [{target: services, body: {audit: "{{payload.orderId}}"}}]}
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    steps:
      - {id: reserve, action: {target: services, body: {order: "{{saga.key}}"}}, compensate: none}
`
  await using daemon = await start(rules, `services: {type: webhook, url: "${receiver.url}/", rate: 30/s}`)
  expect((await operate(daemon, 'pause', 'services')).status).toBe(200)
  await Promise.all([post(daemon, 'audit.order.noted', upTo(60)), post(daemon, 'orders.order.create', upTo(60))])
  // However fast the disk is: from here on, both have everything to send.
  await daemon.shows(named('bingo_target_queue', 'services'), 120)
  expect((await operate(daemon, 'resume', 'services')).status).toBe(200)
  await ends(daemon, 'completed', 60)
  await eventually('all is sent', () => receiver.requests.length === 120)
  const bodies = receiver.requests.map(({ body }) => body)
  const tookMs = receiver.requests.at(-1)!.at - receiver.requests[0]!.at
  // A rate for each of the two would let it end in half the time. What comes late on the way makes it look shorter.
  expect(tookMs).toBeGreaterThan((120 / 30) * 1_000 * 0.7)
  // Neither waited until the other had nothing left.
  const firstHalf = bodies.slice(0, 60).filter((body) => body.includes('"order"')).length
  expect(firstHalf).toBeGreaterThan(5)
  expect(firstHalf).toBeLessThan(55)
})

test('a target that is down is probed by commands of sagas where no rule sends, and the others wait in its queue', async () => {
  await using receiver = await WebhookReceiver.start()
  receiver.answer = () => 503
  const rules = `
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    steps: [{id: reserve, action: ${hook(`${receiver.url}/reserve`)}, compensate: none}]
`
  await using daemon = await start(rules)
  const target = await targetId(daemon, new URL(receiver.url).port)
  await post(daemon, 'orders.order.create', upTo(300))
  await eventually('it was probed', () => receiver.requests.length > 15)
  await daemon.shows(named('bingo_target_up', target), 0)
  // Those that were sent wait for their next attempt, at the longest; all others in the queue.
  await eventually('most wait', async () => (await metric(daemon, 'bingo_target_queue', target))! > 150)
  await eventually('it is said', async () => (await daemon.reasons()).includes('BINGO_TARGET_DOWN'))
  receiver.answer = () => 204
  await ends(daemon, 'completed', 300)
  // Each send is one attempt, and each attempt was one send.
  expect(attemptsOf(instances(daemon), 'reserve')).toBe(receiver.requests.length)
  await daemon.shows(named('bingo_target_up', target), 1)
  await daemon.shows(named('bingo_target_queue', target), 0)
  await daemon.shows(named('bingo_target_sends_total', target), receiver.requests.length)
})

test('a saga does not wait for a target that is down, or paused, beyond its deadline: what was not sent is taken back', async () => {
  await using stock = await WebhookReceiver.start()
  await using payment = await WebhookReceiver.start()
  payment.answer = () => 503
  const rules = `
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    deadline: 10s
    steps:
      - {id: reserve, action: ${hook(`${stock.url}/reserve`)}, compensate: ${hook(`${stock.url}/release`)}}
      - {id: charge, action: ${hook(`${payment.url}/charge`)}, compensate: ${hook(`${payment.url}/refund`)}}
`
  await using daemon = await start(rules)
  await post(daemon, 'orders.order.create', upTo(200))
  await eventually('some are undone while the target is down', () => countOf(daemon, `status = 'compensated'`) > 100)
  const undone = instances(daemon).filter(({ status }) => status === 'compensated')
  // Nothing of them had reached the second service, so that nothing is undone there.
  const statuses = new Set(undone.map(({ steps }) => steps['charge']!.status))
  expect([...statuses].filter((status) => status !== 'refused' && status !== 'pending')).toEqual([])
  expect(payment.requests.filter(({ path, status }) => path === '/refund' && status === 204)).toEqual([])
  payment.answer = () => 204
  await ends(daemon, 'compensated', 200)
  expect(ordersOf(stock, '/release')).toEqual(ordersOf(stock, '/reserve'))
  const target = await targetId(daemon, new URL(payment.url).port)
  expect((await operate(daemon, 'pause', target)).status).toBe(200)
  const charged = pathsOf(payment, '/charge')
  await post(daemon, 'orders.order.create', [1_000, 1_001])
  await ends(daemon, 'compensated', 202)
  expect(pathsOf(payment, '/charge')).toBe(charged)
  // Rules do not name it, sagas do.
  expect((await operate(daemon, 'drop', target)).status).toBe(409)
})

test('more commands than fit in memory wait for a paused target, and none counts as failed', async () => {
  await using receiver = await WebhookReceiver.start()
  await using other = await WebhookReceiver.start()
  const rules = `
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    steps: [{id: reserve, action: ${hook(`${receiver.url}/reserve`)}, compensate: none}]
  - id: mail
    on: mails.mail.create
    key: "{{payload.orderId}}"
    steps: [{id: send, action: ${hook(`${other.url}/mail`)}, compensate: none}]
`
  await using daemon = await start(rules)
  const target = await targetId(daemon, new URL(receiver.url).port)
  expect((await operate(daemon, 'pause', target)).status).toBe(200)
  const count = 5_600
  await post(daemon, 'orders.order.create', upTo(count))
  await eventually('all have begun', () => countOf(daemon, 'true') === count)
  const held = (): number => countOf(daemon, `body ->> '$.steps.reserve.attempts' = 0`)
  let queued = 0
  await eventually('each is held or in the queue', async () => {
    queued = (await metric(daemon, 'bingo_target_queue', target))!
    return queued >= 5_000 && held() === count - queued
  })
  // A transaction of the journal that begins below the limit ends above it.
  expect(queued).toBeGreaterThanOrEqual(5_000)
  expect(queued).toBeLessThan(count)
  // Other targets get theirs.
  await post(daemon, 'mails.mail.create', [1])
  await ends(daemon, 'completed', 1)
  expect((await operate(daemon, 'resume', target)).status).toBe(200)
  await ends(daemon, 'completed', count + 1)
  const orders = instances(daemon).filter(({ saga }) => saga === 'order')
  expect(orders.filter(({ steps }) => steps['reserve']!.failures > 0)).toEqual([])
  expect(attemptsOf(orders, 'reserve')).toBe(count)
  expect(pathsOf(receiver, '/reserve')).toBe(count)
  // Thousands of instances: minutes on a busy machine.
}, 600_000)
