import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { stringifyEvent } from '../../src/model/event/forms/event-json.ts'
import type { RuleSet } from '../../src/model/rule/rule-set.ts'
import { openWaitingStore } from '../../src/state/open.ts'
import { silentLog } from '../support/jobs.ts'
import { rulesFrom } from '../support/rules-from-text.ts'
import type { Row } from './report.ts'
import { BenchPipeline, changeOf, transactionOf } from './waiting-pipeline.ts'

/** As many as the daemon writes in one transaction. */
const GROUP = 2_000
/** As many as it reads at once. */
const PAGE = 500
const EVENT = Buffer.from(stringifyEvent(changeOf(123_456, transactionOf(1), 1))).toString()

interface Step {
  readonly seconds: number
  readonly cpuSeconds: number
}

interface Run {
  readonly write: Step
  readonly drain: Step
}

/**
 * Events per second into the store of what waits and out of it again, by a delay and by a target that is down, beside bare
 * inserts of the events as JSON in such groups, and bare reading and deleting of them.
 */
export async function waiting(events: number, repeats: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-bench-waiting-'))
  const runs: Record<'bare' | 'delay' | 'spool', Run[]> = { bare: [], delay: [], spool: [] }
  try {
    // The first runs compile, and let the files grow.
    for (let repeat = -1; repeat < repeats; repeat++) {
      const count = repeat < 0 ? Math.min(events, 20_000) : events
      const file = (name: string): string => join(folder, `${name}-${repeat}`)
      const run = {
        bare: await bare(file('bare'), count),
        delay: await delay(file('delay'), count),
        spool: await spool(file('spool'), count),
      }
      if (repeat < 0) continue
      for (const way of ['bare', 'delay', 'spool'] as const) runs[way].push(run[way])
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return (['delay', 'spool'] as const).flatMap((way) =>
    (['write', 'drain'] as const).map((step) => rowOf(`${way}, ${step}`, events, runs[way], runs.bare, step)),
  )
}

function rowOf(name: string, events: number, ours: readonly Run[], bares: readonly Run[], step: keyof Run): Row {
  const ratio = (of: keyof Step): string => median(ours.map((run, i) => bares[i]![step][of] / run[step][of])).toFixed(2)
  return {
    section: 'k',
    name,
    value: events / median(ours.map((run) => run[step].seconds)),
    unit: 'events/s',
    baseline: {
      name: step === 'write' ? 'bare inserts' : 'bare reads and deletes',
      value: events / median(bares.map((run) => run[step].seconds)),
    },
    note: `median of pairs ${ratio('seconds')}, of their CPU time ${ratio('cpuSeconds')}`,
  }
}

function rules(waits: string): RuleSet {
  const text = `rules: [{id: waits, table: shop.users, ${waits}actions: [{type: redis, cmd: DEL, key: "u:{{id}}"}]}]`
  return { rules: rulesFrom(text), files: [] }
}

async function delay(path: string, events: number): Promise<Run> {
  const store = await openStore(path)
  await using pipeline = new BenchPipeline(rules('delay: 1h, '), store)
  const write = await measured(() => pipeline.write(events))
  const drain = await measured(() => {
    pipeline.reload(rules('delay: 1ms, '))
    return pipeline.drained(events)
  })
  return { write, drain }
}

async function spool(path: string, events: number): Promise<Run> {
  const store = await openStore(path)
  await using pipeline = new BenchPipeline(rules(''), store)
  pipeline.down = true
  pipeline.source.give(1)
  // The event that the target is probed with stays in memory.
  while (!pipeline.isSpooling || pipeline.stats.budget.jobs !== 1) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const write = await measured(() => pipeline.write(events))
  const drain = await measured(() => {
    pipeline.down = false
    return pipeline.drained(events + 1)
  })
  return { write, drain }
}

function openStore(path: string) {
  return openWaitingStore({ name: 'bench', checkpoint: `file:${path}`, deadLetters: undefined, log: silentLog })
}

/** `work` answers its seconds. */
async function measured(work: () => number | Promise<number>): Promise<Step> {
  const before = process.cpuUsage()
  const seconds = await work()
  const { user, system } = process.cpuUsage(before)
  return { seconds, cpuSeconds: (user + system) / 1e6 }
}

/** What a program would do that needs a durable queue and nothing else. */
async function bare(path: string, events: number): Promise<Run> {
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE waiting (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, event TEXT NOT NULL) STRICT`)
  const write = await measured(() => insertAll(database, events))
  const drain = await measured(() => deleteAll(database, events))
  database.close()
  return { write, drain }
}

function insertAll(database: DatabaseSync, events: number): number {
  const startedAt = performance.now()
  const insert = database.prepare('INSERT INTO waiting (id, event) VALUES (?, ?)')
  for (let done = 0; done < events; done += GROUP) {
    database.exec('BEGIN IMMEDIATE')
    for (let i = done; i < Math.min(events, done + GROUP); i++) {
      insert.run(`3e11fa47-71ca-11e1-9e33-c80aa9429562:${Math.floor(i / 100)}/${i % 100}#waits#0`, EVENT)
    }
    database.exec('COMMIT')
  }
  return (performance.now() - startedAt) / 1_000
}

function deleteAll(database: DatabaseSync, events: number): number {
  const startedAt = performance.now()
  const page = database.prepare('SELECT seq, id, event FROM waiting WHERE seq > ? ORDER BY seq LIMIT ?')
  const remove = database.prepare('DELETE FROM waiting WHERE seq BETWEEN ? AND ?')
  let first = 1
  for (let after = 0; after < events;) {
    after = page.all(after, PAGE).at(-1)!['seq'] as number
    if (after - first + 1 < GROUP && after < events) continue
    remove.run(first, after)
    first = after + 1
  }
  return (performance.now() - startedAt) / 1_000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
