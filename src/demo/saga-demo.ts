import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { orderService } from '../../examples/sagas/order.ts'
import { paymentOnMysql } from '../../examples/sagas/payment-on-mysql.ts'
import { stockService } from '../../examples/sagas/stock.ts'
import { DaemonProcess } from './daemon-process.ts'
import { Narrator } from './narrator.ts'
import { Faults, ORDER_CASES, type Ending, type OrderCase } from './saga-faults.ts'
import { checkTables, ITEMS, PRICE } from './saga-tables.ts'
import { startMariadbServer } from './servers/mariadb.ts'
import { startMysqlServer } from './servers/mysql.ts'
import { freePort } from './servers/ports.ts'

export interface SagaDemoOptions {
  readonly mariadb: boolean
  readonly once: boolean
  readonly signal: AbortSignal
}

/** Longer than the deadline of the saga: what has not ended by then is stuck. */
const PATIENCE_MS = 120_000
const POLL_MS = 200
const RULES = fileURLToPath(new URL('../../examples/sagas/rules.yaml', import.meta.url))

interface Instance {
  readonly key: string
  readonly status: string
  readonly steps: readonly { readonly id: string; readonly status: string; readonly attempts: number }[]
}

/**
 * The demo of sagas: three services with databases of their own, one saga across them, and an order for every way in which a
 * service can fail. Answers whether every order was carried out or undone as a whole, by the services' own tables.
 */
export async function runSagaDemo({ mariadb, once: endsAtOnce, signal }: SagaDemoOptions): Promise<boolean> {
  const tell = new Narrator(process.stdout)
  tell.title('BinGo demo: an order across three services')
  await using cleanUp = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bingo-saga-demo-'))
  cleanUp.defer(() => rm(folder, { recursive: true, force: true }))
  const flavour = mariadb ? 'MariaDB' : 'MySQL'
  tell.progress(`starting ${flavour}`)
  const start = mariadb ? startMariadbServer : startMysqlServer
  const sql = cleanUp.use(await start({ onProgress: (message) => tell.progress(message) }))
  tell.effect(true, `${flavour} ${sql.version} on port ${sql.port} (${sql.origin})`)
  signal.throwIfAborted()
  const faults = new Faults()
  const services = [
    cleanUp.use(await orderService(sql.url)),
    cleanUp.use(await stockService(sql.url)),
    cleanUp.use(await paymentOnMysql(sql.url)),
  ]
  for (const service of services) {
    service.around = faults.around
    tell.effect(true, `service ${service.name} at ${service.url}, database ${service.name}_service`)
  }
  const daemon = cleanUp.use(
    await DaemonProcess.start(
      {
        sourceUrl: sql.url,
        rulesFile: RULES,
        checkpointFile: join(folder, 'checkpoint'),
        eventsFile: join(folder, 'events'),
        logFile: join(folder, 'bingo.log'),
        port: await freePort(),
        env: Object.fromEntries(services.map(({ name, url }) => [`${name.toUpperCase()}_URL`, url])),
      },
      signal,
    ),
  )
  tell.effect(true, `bingo run has the saga of ${RULES}`)

  tell.title(`${ORDER_CASES.length} orders, each with another failure`)
  for (const { order } of ORDER_CASES) await placeOrder(daemon, order)
  const instances = await ended(daemon, signal)
  await faults.settled()
  for (const each of ORDER_CASES) tell.effect(endedWell(each, instances), story(each, instances))

  tell.title('The tables of the services')
  const wrong = await checkTables(sql, endingsOf(instances))
  for (const problem of wrong) tell.effect(false, problem)
  const ok = wrong.length === 0 && ORDER_CASES.every((each) => endedWell(each, instances))
  tell.effect(ok, ok ? 'every order was carried out or undone as a whole' : 'FAILED: see above')
  if (!endsAtOnce) await stayUp(daemon, tell, signal)
  return ok
}

async function placeOrder(daemon: DaemonProcess, orderId: string): Promise<void> {
  const payload = { orderId, item: 'coffee', amount: ITEMS, customer: 'alice', total: PRICE }
  const { status } = await daemon.post({ type: 'orders.order.create', payload })
  if (status !== 200) throw new Error(`the daemon refused the order ${orderId} with HTTP ${status}`)
}

/** By their keys, when none is running any more, or patience has ended. */
async function ended(daemon: DaemonProcess, signal: AbortSignal): Promise<ReadonlyMap<string, Instance>> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    signal.throwIfAborted()
    const { sagas } = (await daemon.sagas()) as { readonly sagas: readonly Instance[] }
    const open = ORDER_CASES.length - sagas.filter(({ status }) => ENDED.has(status)).length
    if (open === 0 || performance.now() > deadline) return new Map(sagas.map((each) => [each.key, each]))
    await delay(POLL_MS)
  }
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'compensated', 'failed'])

function endedWell({ order, ends }: OrderCase, instances: ReadonlyMap<string, Instance>): boolean {
  return ends.some((ending) => instances.get(order)?.status === ending)
}

/** Where an order has not ended as it should, that one counts. */
function endingsOf(instances: ReadonlyMap<string, Instance>): ReadonlyMap<string, Ending> {
  return new Map(
    ORDER_CASES.map(({ order, ends }) => [
      order,
      ends.find((ending) => instances.get(order)?.status === ending) ?? ends[0]!,
    ]),
  )
}

function story({ order, title }: OrderCase, instances: ReadonlyMap<string, Instance>): string {
  const instance = instances.get(order)
  if (instance === undefined) return `${title}: it never started`
  const steps = instance.steps.filter(({ status }) => status !== 'pending')
  return `${title.padEnd(30)} ${instance.status.padEnd(12)} ${steps.map(({ id, status }) => `${id} ${status}`).join(', ')}`
}

async function stayUp(daemon: DaemonProcess, tell: Narrator, signal: AbortSignal): Promise<void> {
  const bingo = extname(import.meta.url) === '.ts' ? 'npm run -s bingo --' : 'bingo'
  const asking = `BINGO_HTTP_LISTEN=127.0.0.1:${daemon.port} ${bingo}`
  const payload = { orderId: 'mine', item: 'coffee', amount: ITEMS, customer: 'alice', total: PRICE }
  tell.title('It stays up: try it yourself (Ctrl-C ends it and removes everything)')
  tell.line(`  ${asking} events publish orders.order.create --payload '${JSON.stringify(payload)}'`)
  tell.line(`  ${asking} sagas list`)
  tell.line(`  ${asking} sagas show order_fulfilment mine`)
  tell.line(`  ${asking} sagas compensate order_fulfilment mine`)
  if (!signal.aborted) await once(signal, 'abort')
}
