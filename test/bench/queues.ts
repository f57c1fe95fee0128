import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startDatabase } from '../support/events/database-server.ts'
import { EventRedisServer } from '../support/events/redis-server.ts'
import { openBroker, openBullMq, openPgBoss } from './contestants/queues.ts'
import type { OpenQueue } from './contestants/queues.ts'
import { bareSqlite, eventsPerSecond } from './event-stores.ts'
import { median, percentile } from './percentiles.ts'
import { rowsIn } from './report.ts'
import type { Row } from './report.ts'

const row = rowsIn('r')

/** Posts under way at the same time. */
const AT_ONCE = 64
/** Posts per second for the latency. */
const RATE = 200
const GROUPS = [100, 1_000]

interface Result {
  /** Until all were handled. */
  readonly perSecond: number
  readonly storedMs: readonly number[]
  readonly handledMs: readonly number[]
}

/**
 * The broker of the library, which stores events, hands them to their handler and keeps what became of them: on SQLite beside bare
 * node:sqlite that writes the same rows, with transactions of as many posts; on PostgreSQL beside pg-boss and
 * on a Redis that syncs each write beside BullMQ, from the post to the handler in the same process.
 */
export async function queues(events: number, repeats: number, seconds: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-bench-queues-'))
  try {
    await using postgres = await startDatabase('PostgreSQL')
    await using redis = await EventRedisServer.start()
    const onPostgres = (): Promise<string> => postgres.create()
    const onRedis = async (): Promise<string> => redis.create()
    return [
      ...(await onSqlite(folder, events, repeats)),
      ...(await beside('PostgreSQL', 'pg-boss', onPostgres, openPgBoss, events, repeats, seconds)),
      ...(await beside('Redis', 'BullMQ', onRedis, openBullMq, events, repeats, seconds)),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function onSqlite(folder: string, events: number, repeats: number): Promise<Row[]> {
  const rows: Row[] = []
  for (const group of GROUPS) {
    const [ours, theirs]: [number[], number[]] = [[], []]
    const bare = bareSqlite(`file:${folder}/bare-${group}`, true)
    let handled = 0
    let published = 0
    const broker = await openBroker(`file:${folder}/ours-${group}`, () => void (handled += 1))
    for (let repeat = -1; repeat < repeats; repeat++) {
      const each = [
        await eventsPerSecond(events, group, (batch) => bare.write(batch), `run${repeat}`),
        await eventsPerSecond(events, group, async (batch) => {
          await Promise.all(batch.map(({ event }) => broker.publish(event.key!)))
          published += batch.length
          // The last ones: a rate is of what was handled, too.
          while (published % events === 0 && handled < published) await delay(1)
        }),
      ] as const
      // The first run compiles, and lets the files grow.
      if (repeat < 0) continue
      theirs.push(each[0])
      ours.push(each[1])
    }
    await bare.close()
    await broker.close()
    const name = `broker on SQLite, ${group} posts at a time, handled`
    rows.push(row(name, median(ours), 'events/s', { baseline: { name: bare.name, value: median(theirs) } }))
  }
  return rows
}

async function beside(
  on: string,
  peer: string,
  newUrl: () => Promise<string>,
  openPeer: OpenQueue,
  events: number,
  repeats: number,
  seconds: number,
): Promise<Row[]> {
  const [ours, theirs]: [Result[], Result[]] = [[], []]
  for (let repeat = 0; repeat < repeats; repeat++) {
    ours.push(await measure(openBroker, await newUrl(), events, seconds))
    theirs.push(await measure(openPeer, await newUrl(), events, seconds))
  }
  const compared = (name: string, unit: string, of: (result: Result) => number): Row =>
    row(`broker on ${on}, ${name}`, median(ours.map(of)), unit, {
      baseline: { name: peer, value: median(theirs.map(of)) },
    })
  return [
    compared(`${AT_ONCE} posts at a time, handled`, 'events/s', ({ perSecond }) => perSecond),
    ...[50, 99].flatMap((percent) => [
      compared(`${RATE}/s, post → stored, p${percent}`, 'ms', ({ storedMs }) => percentile(storedMs, percent)),
      compared(`${RATE}/s, post → handled, p${percent}`, 'ms', ({ handledMs }) => percentile(handledMs, percent)),
    ]),
  ]
}

async function measure(open: OpenQueue, url: string, events: number, seconds: number): Promise<Result> {
  const handled = new Map<string, number>()
  const queue = await open(url, (key) => handled.set(key, performance.now()))
  try {
    // The first ones connect and compile.
    await asFastAsPossible('w', 200)
    const perSecond = await asFastAsPossible('f', events)
    // What is written behind the handlers is written.
    await delay(2_000)
    return { perSecond, ...(await atRate()) }
  } finally {
    await queue.close()
  }

  async function asFastAsPossible(prefix: string, count: number): Promise<number> {
    const startedAt = performance.now()
    const goal = handled.size + count
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < count) await queue.publish(`${prefix}-${next++}`)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    while (handled.size < goal) await delay(2)
    return count / ((performance.now() - startedAt) / 1_000)
  }

  /** Posts that begin at fixed times, however long others take. */
  async function atRate(): Promise<Omit<Result, 'perSecond'>> {
    const sent = new Map<string, number>()
    const storedMs: number[] = []
    const underWay: Promise<void>[] = []
    const begun = performance.now()
    for (let number = 0; number < RATE * seconds; number++) {
      const waitMs = begun + (number / RATE) * 1_000 - performance.now()
      if (waitMs > 1) await delay(waitMs)
      const at = performance.now()
      sent.set(`r-${number}`, at)
      underWay.push(queue.publish(`r-${number}`).then(() => void storedMs.push(performance.now() - at)))
    }
    await Promise.all(underWay)
    while (![...sent.keys()].every((key) => handled.has(key))) await delay(10)
    return { storedMs, handledMs: [...sent].map(([key, at]) => handled.get(key)! - at) }
  }
}
