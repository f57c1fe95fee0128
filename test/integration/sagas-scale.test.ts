import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSagaStore } from '../../src/state/open.ts'
import type { SagaInstance } from '../../src/model/saga/instance.ts'
import type { SagaStore } from '../../src/model/saga/store.ts'
import { type Daemon, eventually } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { Participants } from '../support/sagas/participants.ts'
import { Fleet } from '../support/scale/fleet.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startPostgres } from '../support/servers/postgres.ts'
import { startRedis } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>
beforeAll(async () => {
  const args = ['--appendonly', 'yes', '--appendfsync', 'always']
  ;[mysql, redis] = await Promise.all([startMysql({ gtid: true }), startRedis({ args })])
})
afterAll(() => Promise.all([mysql?.stop(), redis?.stop()]))

/** One saga that rows start and confirm, one that posted events do; each has a step that may be refused behind. */
function sagas(name: string, services: Participants): string {
  const step = (id: string, more = ''): string =>
    `{id: ${id}, action: {type: webhook, url: "${services.url(id, 'do')}"}, compensate: {type: webhook, url: "${services.url(id, 'undo')}"}, retry: {attempts: 3, min: 20ms, max: 200ms}${more}}`
  const paid = `confirm: {table: ${name}.orders, events: [UPDATE], filter: "new.state == 'paid'", key: "{{id}}"}, timeout: 2m`
  return `
sagas:
  - id: bought
    table: ${name}.orders
    events: [INSERT]
    key: "{{id}}"
    steps: [${step('reserve', `, ${paid}`)}, ${step('charge')}]
  - id: returned
    on: shop.return.create
    key: "{{payload.order}}"
    steps: [${step('fetch', ', confirm: {on: shop.return.arrived}, timeout: 2m')}, ${step('refund')}]
`
}

async function fleetOf(name: string, services: Participants, sagaStore?: string): Promise<Fleet> {
  const env = {
    BINGO_EVENTS_STORE: `${redis.url}/2?prefix=${name}`,
    ...(sagaStore !== undefined && { BINGO_SAGAS_STORE: sagaStore }),
  }
  const through = `${redis.url}/1?prefix=${name}`
  const fleet = await Fleet.prepare({ mysql, redis, name, through, env, rules: () => sagas(name, services) })
  await mysql.query(`CREATE TABLE ${name}.orders (id INT PRIMARY KEY, state VARCHAR(10))`)
  return fleet
}

async function post({ adminPort }: Daemon, type: string, order: number): Promise<Response> {
  return fetch(`http://127.0.0.1:${adminPort}/api/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ event: { id: `${type}-${order}`, type, payload: { order: `${order}` } } }),
    headers: { 'content-type': 'application/json' },
  })
}

/** Until some reader takes it. */
const posted = (daemons: readonly Daemon[], type: string, order: number): Promise<void> =>
  eventually(`${type} ${order} is taken`, async () => {
    const answers = await Promise.all(daemons.map((daemon) => post(daemon, type, order).catch(() => null)))
    return answers.some((answer) => answer?.status === 200)
  })

const openStore = (name: string, url?: string): Promise<SagaStore> =>
  openSagaStore({ name, checkpoint: redis.url, deadLetters: undefined, log: silentLog }, url)

async function ends(store: SagaStore, saga: string, key: number, status: string, daemons: readonly Daemon[]) {
  let last: SagaInstance | null = null
  const isNow = async (): Promise<boolean> => {
    ;[last = null] = await store.load([{ saga, key: `${key}` }])
    return last?.status === status
  }
  await eventually(`${saga} ${key} is ${status}`, isNow).catch((error: Error) => {
    const told = daemons.map((daemon) => daemon.output().slice(-3_000)).join('\n---\n')
    throw new Error(`${error.message}: ${JSON.stringify(last)}\n${told}`)
  })
}

test('the reader runs the sagas of a fleet, by rows and by posted events, to their ends; a worker says where they are', async () => {
  await using services = await Participants.start({
    behave: (step, op, saga) =>
      op === 'do' && (step === 'charge' || step === 'refund') && saga.endsWith('/2') ? 'refuse' : 'answer',
  })
  await using fleet = await fleetOf('sagas1', services)
  const [reader, worker] = [await fleet.start('reader'), await fleet.start('worker')]
  const all = [reader, worker]
  await using stack = new AsyncDisposableStack()
  const store = await openStore('sagas1')
  stack.defer(() => store.close())
  await mysql.query('INSERT INTO sagas1.orders VALUES (1, "new"), (2, "new")')
  for (const order of [1, 2]) expect((await post(reader, 'shop.return.create', order)).status).toBe(200)
  await fleet.write(40)
  for (const order of [1, 2]) {
    await eventually('reserve is done', () => services.entry(`bought/${order}`, 'reserve')?.done === true)
    await mysql.query(`UPDATE sagas1.orders SET state = "paid" WHERE id = ${order}`)
    await eventually('fetch is done', () => services.entry(`returned/${order}`, 'fetch')?.done === true)
    expect((await post(reader, 'shop.return.arrived', order)).status).toBe(200)
  }
  for (const saga of ['bought', 'returned']) {
    await ends(store, saga, 1, 'completed', all)
    await ends(store, saga, 2, 'compensated', all)
  }
  expect(services.entry('bought/2', 'reserve')).toMatchObject({ done: true, undone: true })
  expect(services.entry('returned/2', 'fetch')).toMatchObject({ done: true, undone: true })
  // The rules run on the worker meanwhile, and nothing of the sagas went there.
  await fleet.allArrived()
  expect(fleet.verdict()).toMatchObject({ lost: [], disordered: [], phantoms: [] })
  const labels = '{saga="bought",status="completed"}'
  await reader.shows(`bingo_sagas${labels}`, 1)
  await reader.shows('bingo_sagas{saga="returned",status="compensated"}', 1)
  expect(await worker.metric(`bingo_sagas${labels}`)).toBeUndefined()
  const status = await bingo(['status'], { env: fleet.envOf(reader) })
  expect(status.stdout).toMatch(/saga +bought: .*1 completed/)
  expect(status.stdout).toMatch(/saga +returned: .*1 compensated/)
  // A worker names the reader, whatever it is asked.
  const where = `which runs on .* \\(process ${reader.pid}\\)`
  const refused = await post(worker, 'shop.return.create', 3)
  expect([refused.status, await refused.json()]).toEqual([
    421,
    expect.objectContaining({ code: 'BINGO_EVENTS_ELSEWHERE', hint: expect.stringMatching(where) }),
  ])
  const env = { ...fleet.envOf(worker), ...fleet.options.env }
  const retried = await bingo(['sagas', 'retry', 'bought', '1'], { env })
  expect([retried.code, retried.stderr]).toEqual([1, expect.stringMatching('BINGO_SAGA_ELSEWHERE')])
  expect(retried.stderr).toMatch(new RegExp(where))
  const listed = await bingo(['sagas', 'list', '--status', 'compensated'], { env })
  expect(listed.stdout).toMatch(/compensated +returned +2/)
  expect(listed.stderr).toMatch(/this worker runs no sagas: the reader does; read from redis:/)
  expect(await Promise.all(all.map((daemon) => daemon.stop()))).toEqual([0, 0])
}, 600_000)

test.each(['Redis', 'PostgreSQL'])(
  'a reader that is killed amid sagas in %s leaves them to its standby, which ends all of them under the same ids',
  async (kind) => {
    await using stack = new AsyncDisposableStack()
    const postgres = kind === 'Redis' ? null : await startPostgres()
    stack.defer(() => postgres?.stop())
    const state = { isDown: true }
    const services = stack.use(
      await Participants.start({
        behave: (step) => (state.isDown && (step === 'charge' || step === 'refund') ? 'unavailable' : 'answer'),
      }),
    )
    const name = `sagas_${kind.toLowerCase()}`
    const fleet = stack.use(await fleetOf(name, services, postgres?.url))
    const first = await fleet.start('reader')
    const standby = await fleet.prepareOne('reader')
    standby.spawn()
    const readers = [first, standby]
    const all = [...readers, await fleet.start('worker')]
    await eventually('it waits', async () => (await standby.reasons()).includes('BINGO_STANDBY'))
    const store = await openStore(name, postgres?.url)
    stack.defer(() => store.close())
    const orders = [1, 2, 3, 4, 5]
    const begin = async (of: readonly number[]): Promise<void> => {
      for (const order of of) {
        await mysql.query(`INSERT INTO ${name}.orders VALUES (${order}, "new")`)
        await posted(readers, 'shop.return.create', order)
      }
      // What is confirmed before it is sent is not sent any more.
      const firsts = of.flatMap((order) => [`bought/${order} reserve`, `returned/${order} fetch`])
      await eventually('the first steps are done', () => firsts.every((each) => services.entries.get(each)?.done))
    }
    await begin(orders)
    await mysql.query(`UPDATE ${name}.orders SET state = "paid" WHERE id < 4`)
    for (const order of [1, 2, 3]) await posted(readers, 'shop.return.arrived', order)
    const tried = async (): Promise<boolean> => {
      const found = await store.load([
        { saga: 'bought', key: '3' },
        { saga: 'returned', key: '3' },
      ])
      return found.every((each) => Object.values(each?.steps ?? {}).some(({ status }) => status === 'sending'))
    }
    await eventually('the last steps are tried', tried)
    await first.stop('SIGKILL')
    await mysql.query(`UPDATE ${name}.orders SET state = "paid" WHERE id >= 4`)
    await fleet.write(40)
    for (const order of [4, 5]) await posted(readers, 'shop.return.arrived', order)
    await begin([6])
    await mysql.query(`UPDATE ${name}.orders SET state = "paid" WHERE id = 6`)
    await posted(readers, 'shop.return.arrived', 6)
    state.isDown = false
    for (const order of [...orders, 6]) {
      await ends(store, 'bought', order, 'completed', all)
      await ends(store, 'returned', order, 'completed', all)
    }
    const ids = [...services.entries.values()].flatMap((entry) => [...entry.ids.values()].map(({ size }) => size))
    expect(ids).toEqual(Array(24).fill(1))
    expect([...services.entries.values()].filter(({ done, undone }) => !done || undone)).toEqual([])
    await fleet.allArrived()
    expect(fleet.verdict()).toMatchObject({ lost: [], disordered: [], phantoms: [] })
  },
  600_000,
)

test('check refuses sagas or events of a fleet that are kept on one machine, and rules that posted events could match', async () => {
  const env = {
    BINGO_SOURCE_URL: mysql.url,
    BINGO_SCALE_THROUGH: `${redis.url}/1`,
    BINGO_CHECKPOINT_STORE: redis.url,
    BINGO_SAGAS_STORE: 'file:/tmp/sagas',
    BINGO_EVENTS_STORE: 'memory:',
  }
  const { code, stderr } = await bingo(['check'], { env })
  expect(code).toBe(1)
  expect(stderr).toContain('sagas.store (file:/tmp/sagas) is on one machine')
  expect(stderr).toContain('events.store (memory:) is on one machine')
})
