import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { SagaInstance } from '../../src/model/saga/instance.ts'
import { advance } from '../../src/sagas/machine/advance.ts'
import { openSagaStore } from '../../src/state/open.ts'
import { Daemon } from '../support/daemon.ts'
import { silentLog } from '../support/jobs.ts'
import { Participants } from '../support/sagas/participants.ts'
import { sagaEvent } from '../support/sagas/plans.ts'
import { sagaRules } from '../support/sagas/rules.ts'
import { percentile } from './percentiles.ts'
import { usageOf } from './process-usage.ts'
import { rowsIn } from './report.ts'
import type { Row } from './report.ts'

const row = rowsIn('o')

const ENV = { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_WEBHOOKS_ALLOW_CIDRS: '127.0.0.0/8' }
const BATCH = 5_000
/** Instances that are asked for, and of which the timer fires. */
const PROBES = 200
const TIMEOUT_MS = 2_000
const SETTLE_MS = 10_000

function rulesOf(services: Participants): string {
  const hook = (step: string, op: 'do' | 'undo'): string =>
    `{type: webhook, url: "${services.url(step, op)}", body: {order: "{{saga.key}}"}}`
  const saga = (id: string, timeout: string): string => `
  - id: ${id}
    on: bench.${id}.start
    key: "{{payload.order}}"
    steps:
      - {id: ${id}1, action: ${hook(`${id}1`, 'do')}, compensate: ${hook(`${id}1`, 'undo')}, confirm: {on: bench.${id}.done}, timeout: ${timeout}}
      - {id: ${id}2, action: ${hook(`${id}2`, 'do')}, compensate: ${hook(`${id}2`, 'undo')}}`
  return `sagas:${saga('long', '24h')}${saga('short', `${TIMEOUT_MS}ms`)}\n`
}

/** What so many instances that wait for their confirmation take of a daemon, and how soon it is at one of them. */
export async function sagaWaiting(count: number): Promise<Row[]> {
  const arrivals = new Map<string, number>()
  await using services = await Participants.start({
    behave: (step, op, saga) => {
      arrivals.set(`${saga} ${step} ${op}`, performance.now())
      return 'answer'
    },
  })
  const rules = rulesOf(services)
  await using bingo = await Daemon.prepare({ rules: '', sourceUrl: '', env: ENV })
  await writeFile(bingo.rulesFile, rules)
  const loadMs = await fill(bingo, rules, count)
  const spawned = performance.now()
  bingo.spawn()
  await bingo.ready()
  const readyMs = performance.now() - spawned
  await delay(SETTLE_MS)
  const found = await probeEvents(bingo, arrivals, count)
  const late = await probeTimers(bingo, arrivals)
  const { peakRssMb, rssMb } = usageOf(bingo.pid)
  const shown = count.toLocaleString('en-US')
  return [
    row(`${shown} sagas wait: peak RSS`, peakRssMb, 'MB', { note: `${rssMb.toFixed(0)} MB at the end` }),
    row(`${shown} sagas wait: start until ready`, readyMs, 'ms'),
    row(`${shown} sagas wait: one is read by its key, p99`, percentile(loadMs, 99), 'ms'),
    row(`${shown} sagas wait: event posted → next command arrived, p99`, percentile(found, 99), 'ms', {
      note: `median ${percentile(found, 50).toFixed(1)} ms`,
    }),
    row(`${shown} sagas wait: a timer fires late by, p99`, percentile(late, 99), 'ms', {
      note: `most ${Math.max(...late).toFixed(0)} ms`,
    }),
  ]
}

/** Writes them as the daemon would; answers how long it took to read some of them. */
async function fill(bingo: Daemon, rules: string, count: number): Promise<readonly number[]> {
  const definition = sagaRules(rules).ruleSet.sagas!.find(({ id }) => id === 'long')!
  const checkpoint = `file:${join(bingo.folder, 'checkpoint')}`
  const store = await openSagaStore({ name: 'bingo', checkpoint, deadLetters: undefined, log: silentLog })
  const now = Date.now()
  const started = advance(definition, null, { tag: 'start', key: 'k', event: sagaEvent({ order: 'k' }) }, now).instance
  const answer = { tag: 'answer', step: 'long1', op: 'do', attempt: 1, outcome: { tag: 'done', value: null } } as const
  const waiting = advance(definition, started, answer, now).instance!
  for (let from = 0; from < count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, i): SagaInstance => {
      const key = `k${from + i}`
      // Due at different times, as they would be.
      return { ...waiting, key, event: sagaEvent({ order: key }), dueAt: waiting.dueAt! + from + i }
    })
    await store.save(
      batch.map((instance) => ({ instance, from: 0 })),
      [definition.source],
      null,
    )
    if (from % 200_000 === 0) console.error(`${from + BATCH} sagas written`)
  }
  const readMs: number[] = []
  for (let i = 0; i < PROBES; i++) {
    const key = `k${Math.floor(Math.random() * count)}`
    const from = performance.now()
    await store.load([{ saga: 'long', key }])
    readMs.push(performance.now() - from)
  }
  await store.close()
  return readMs
}

/** From the post of a confirmation until the service of the next step is asked. */
async function probeEvents(
  bingo: Daemon,
  arrivals: ReadonlyMap<string, number>,
  count: number,
): Promise<readonly number[]> {
  const ms: number[] = []
  for (let i = 0; i < PROBES; i++) {
    const order = `k${Math.floor((count * i) / PROBES)}`
    const from = performance.now()
    await post(bingo, 'bench.long.done', order)
    ms.push((await arrived(arrivals, `long/${order} long2 do`)) - from)
  }
  return ms
}

/** By how much later than its timeout a step is undone, counted from when its service was asked. */
async function probeTimers(bingo: Daemon, arrivals: ReadonlyMap<string, number>): Promise<readonly number[]> {
  const orders = Array.from({ length: PROBES }, (_, i) => `s${i}`)
  for (const order of orders) await post(bingo, 'bench.short.start', order)
  const ms: number[] = []
  for (const order of orders) {
    const undone = await arrived(arrivals, `short/${order} short1 undo`)
    ms.push(undone - arrivals.get(`short/${order} short1 do`)! - TIMEOUT_MS)
  }
  return ms
}

async function arrived(arrivals: ReadonlyMap<string, number>, name: string): Promise<number> {
  for (;;) {
    const at = arrivals.get(name)
    if (at !== undefined) return at
    await delay(1)
  }
}

async function post(bingo: Daemon, type: string, order: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${bingo.adminPort}/api/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ event: { type, payload: { order } } }),
    headers: { 'content-type': 'application/json' },
  })
  if (response.status !== 200) throw new Error(`${type} was answered ${response.status}: ${await response.text()}`)
}
