import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemClock } from '../../src/model/clock.ts'
import type { Outcome, Target } from '../../src/model/rule/action.ts'
import { SagaCounters } from '../../src/model/saga/counters.ts'
import type { SagaStore } from '../../src/model/saga/store.ts'
import { SagaDefinitions } from '../../src/sagas/definitions.ts'
import { SagaRunner } from '../../src/sagas/runner.ts'
import { openSagaStore } from '../../src/state/open.ts'
import { startDatabase } from '../support/events/database-server.ts'
import { silentLog } from '../support/jobs.ts'
import { commandsTo } from '../support/sagas/commands.ts'
import { sagaEvent } from '../support/sagas/plans.ts'
import { sagaRules } from '../support/sagas/rules.ts'
import { openDbos } from './contestants/dbos.ts'
import type { Row } from './report.ts'

const STEPS = 4
/** Sagas at the same time, and how many in all. */
const LOADS = [
  { together: 1, sagas: 300 },
  { together: 100, sagas: 4_000 },
] as const
const CONNECTIONS = 10
const HOOK = '{type: webhook, url: "http://127.0.0.1/", body: {order: "{{saga.key}}"}}'
const STAGES = Array.from({ length: STEPS }, (_, i) => `{id: s${i}, action: ${HOOK}, compensate: ${HOOK}}`)
const DEFINITION = sagaRules(
  `sagas: [{id: order, on: orders.order.create, key: "{{payload.orderId}}", deadline: 1h, steps: [${STAGES.join(', ')}]}]`,
).ruleSet.sagas![0]!

interface Load {
  readonly together: number
  readonly sagas: number
}

/** Runs so many sagas of STEPS steps that are answered at once; answers the seconds. */
type Contender = (load: Load) => Promise<number>

/**
 * Steps per second of sagas whose commands are answered at once: on SQLite beside a loop that writes the same instances as often,
 * in transactions of as many; on PostgreSQL beside DBOS with workflows of as many steps.
 */
export async function sagas(repeats: number): Promise<Row[]> {
  return [...(await onSqlite(repeats)), ...(await onPostgres(repeats))]
}

async function onSqlite(repeats: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-bench-sagas-'))
  try {
    const settings = { name: 'bench', checkpoint: `file:${join(folder, 'state')}`, deadLetters: undefined }
    const store = await openSagaStore({ ...settings, log: silentLog })
    const ours: Contender = (load) => run(store, load)
    const bare: Contender = async (load) => bareLoop(join(folder, 'bare'), load)
    const rows = await compared('SQLite', repeats, ours, bare, 'the same writes, bare')
    await store.close()
    return rows
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function onPostgres(repeats: number): Promise<Row[]> {
  await using server = await startDatabase('PostgreSQL')
  const settings = { name: 'bench', checkpoint: 'memory:', deadLetters: undefined, log: silentLog }
  const store = await openSagaStore(settings, await server.create())
  const dbos = await openDbos(await server.create(), STEPS, CONNECTIONS)
  const theirs: Contender = async ({ together, sagas: count }) => {
    const startedAt = performance.now()
    let left = count
    const worker = async (): Promise<void> => {
      while (left-- > 0) await dbos.run()
    }
    await Promise.all(Array.from({ length: together }, worker))
    return (performance.now() - startedAt) / 1_000
  }
  try {
    return await compared('PostgreSQL', repeats, (load) => run(store, load), theirs, 'DBOS')
  } finally {
    await dbos.close()
    await store.close()
  }
}

async function compared(
  on: string,
  repeats: number,
  ours: Contender,
  theirs: Contender,
  baseline: string,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const load of LOADS) {
    const perSecond = (seconds: number): number => (load.sagas * STEPS) / seconds
    const runs: { readonly ours: number; readonly theirs: number }[] = []
    for (let repeat = -1; repeat < repeats; repeat++) {
      const each = { ours: await ours(load), theirs: await theirs(load) }
      // The first run compiles, and lets the files grow.
      if (repeat >= 0) runs.push(each)
    }
    const [mine, other] = [median(runs.map((each) => each.ours)), median(runs.map((each) => each.theirs))]
    const latency = ((mine * 1_000) / (load.sagas * STEPS)) * load.together
    rows.push({
      section: 'o',
      name: `sagas on ${on}, ${load.together} at a time`,
      value: perSecond(mine),
      unit: 'steps/s',
      baseline: { name: baseline, value: perSecond(other) },
      note: `${latency.toFixed(2)} ms per step of a saga`,
    })
  }
  return rows
}

let key = 0

async function run(store: SagaStore, { together, sagas: count }: Load): Promise<number> {
  let started = 0
  let ended = 0
  const done = Promise.withResolvers<void>()
  const begin = (): void => {
    if (started === count) return
    started += 1
    const orderId = `o${(key += 1)}`
    const { id: saga, version } = DEFINITION
    const signal = { saga, version, key: orderId, trigger: { tag: 'start' }, event: sagaEvent({ orderId }) } as const
    runner.take([signal]).catch(done.reject)
  }
  class Counters extends SagaCounters {
    override ended(): void {
      ended += 1
      if (ended === count) done.resolve()
      else begin()
    }
  }
  const runner = new SagaRunner({
    store,
    definitions: new SagaDefinitions([DEFINITION]),
    keepMs: 1e12,
    counters: new Counters(),
    clock: systemClock,
    log: silentLog,
    commands: commandsTo(async () => ANSWERS_AT_ONCE, systemClock),
  })
  await runner.start(done.reject)
  const startedAt = performance.now()
  for (let i = 0; i < together; i++) begin()
  await done.promise
  const seconds = (performance.now() - startedAt) / 1_000
  await runner.close(1_000)
  return seconds
}

const ANSWERS_AT_ONCE: Target = {
  gather: 'lane',
  maxBatch: 1,
  maxConcurrency: 64,
  ask: async (): Promise<Outcome> => ({ tag: 'done', value: null }),
  send: async () => undefined,
  close: async () => undefined,
}

/** What a program would write that keeps such instances: each new one, and each of its steps. */
async function bareLoop(path: string, { together, sagas: count }: Load): Promise<number> {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS instances (key TEXT PRIMARY KEY, step INTEGER NOT NULL, body TEXT NOT NULL) STRICT`)
  const insert = database.prepare('INSERT INTO instances VALUES (?, ?, ?)')
  const update = database.prepare('UPDATE instances SET step = ?, body = ? WHERE key = ?')
  const body = 'x'.repeat(1_400)
  const startedAt = performance.now()
  for (let from = 0; from < count; from += together) {
    const keys = Array.from({ length: Math.min(together, count - from) }, () => `o${(key += 1)}`)
    for (let step = 0; step <= STEPS; step++) {
      database.exec('BEGIN IMMEDIATE')
      for (const each of keys) {
        if (step === 0) insert.run(each, step, body)
        else update.run(step, body, each)
      }
      database.exec('COMMIT')
    }
  }
  const seconds = (performance.now() - startedAt) / 1_000
  database.close()
  return seconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
