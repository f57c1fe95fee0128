import { setTimeout as delay } from 'node:timers/promises'
import { Admin, Consumer, stringDeserializers } from '@platformatic/kafka'
import { progressOnStderr } from '../../src/demo/servers/progress.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { median, percentile } from './percentiles.ts'
import { bingoFromBinlog, bingoPolling } from './relays/bingo.ts'
import { debezium } from './relays/debezium.ts'
import { afterCommit } from './relays/none.ts'
import type { Relay, Route, Running } from './relays/relay.ts'
import { watermill } from './relays/watermill.ts'
import type { Row } from './report.ts'

const RATE = 1_000
const WARM_UP_SECONDS = 3
const CONNECTIONS = 16
const PARTITIONS = 4
const PATIENCE_MS = 20_000
/** As the outbox asks for, and as both servers are set by default. */
export const SAFE = ['--sync-binlog=1', '--innodb-flush-log-at-trx-commit=1', '--max-binlog-size=1G']

const RELAYS: readonly Relay[] = [
  afterCommit,
  bingoFromBinlog,
  debezium(),
  debezium(10),
  bingoPolling('1s'),
  watermill('1s'),
]

interface Measured {
  readonly rate: number
  readonly written: number
  readonly arrived: number
  readonly latenciesMs: readonly number[]
}

/**
 * COMMIT has returned until a consumer of Kafka has the message: each relay with the same writers, consumer and clock. They take
 * turns, since the disk is not the same at all times.
 */
export async function outboxLatency(seconds: number, rounds: number, which: RegExp): Promise<Row[]> {
  await using sql = await startMysql({ gtid: true, args: SAFE })
  await using kafka = await startKafka()
  const measured = new Map<Relay, Measured[]>(RELAYS.filter(({ name }) => which.test(name)).map((relay) => [relay, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [i, [relay, results]] of [...measured].entries()) {
      const name = `relay${i}_${round}`
      results.push(await measure(relay, { sql, database: name, broker: kafka.url, topic: name }, seconds))
      const { latenciesMs, rate } = results.at(-1)!
      const [p50, p99] = [50, 99].map((percent) => percentile(latenciesMs, percent).toFixed(1))
      progressOnStderr(`${relay.name}: p50 ${p50} ms, p99 ${p99} ms, ${Math.round(rate)} transactions/s`)
    }
  }
  const [bare] = measured.values()
  return [...measured].flatMap(([relay, results]) => rowsOf(relay, results, bare!))
}

async function measure(relay: Relay, route: Route, seconds: number): Promise<Measured> {
  const { sql, database } = route
  await sql.query(`CREATE DATABASE ${database}`)
  await sql.query(`CREATE TABLE ${database}.orders (id INT PRIMARY KEY, total INT)`)
  for (const table of relay.tables(route)) await sql.query(table)
  await using arrivals = await Arrivals.open(route)
  await using running = await relay.start(route)
  const write = async (first: number, count: number) => await commitAtRate(relay, route, running, first, count)
  // Until the first message arrives it starts; what it compiles under the first transactions is not measured.
  let probe = -1
  while (!arrivals.any) {
    await running.mustRun?.()
    await write(probe--, 1)
    await delay(200)
  }
  const warm = await write(1, RATE * WARM_UP_SECONDS)
  await arrivals.has(warm)
  const from = performance.now()
  const committed = await write(1 + RATE * WARM_UP_SECONDS, RATE * seconds)
  const rate = committed.size / ((performance.now() - from) / 1_000)
  await arrivals.has(committed)
  const latenciesMs = [...committed].flatMap(([n, at]) => {
    const arrived = arrivals.at.get(n)
    return arrived === undefined ? [] : [Math.max(0, arrived - at)]
  })
  return { rate, written: committed.size, arrived: latenciesMs.length, latenciesMs }
}

/** Transactions of one order and one message that begin at fixed times; answers when each COMMIT returned. */
async function commitAtRate(
  relay: Relay,
  route: Route,
  running: Running,
  first: number,
  count: number,
): Promise<Map<number, number>> {
  const committed = new Map<number, number>()
  const connections = await Promise.all(Array.from({ length: Math.min(CONNECTIONS, count) }, () => route.sql.connect()))
  const begun = performance.now()
  let next = 0
  const work = async (connection: Awaited<ReturnType<SqlServer['connect']>>): Promise<void> => {
    while (next < count) {
      const waitMs = begun + (next / RATE) * 1_000 - performance.now()
      const n = first + next++
      if (waitMs > 1) await delay(waitMs)
      const order = `INSERT INTO ${route.database}.orders VALUES (${n}, 25)`
      await connection.query(`BEGIN; ${order}; ${relay.insert(n, route)}; COMMIT`)
      committed.set(n, performance.now())
      running.committed?.(n)
    }
  }
  await Promise.all(connections.map(work))
  await Promise.all(connections.map((connection) => connection.end()))
  return committed
}

/** What a consumer sees, and when. */
class Arrivals implements AsyncDisposable {
  readonly at = new Map<number, number>()
  any = false
  readonly #close: () => Promise<void>

  private constructor(close: () => Promise<void>) {
    this.#close = close
  }

  static async open({ broker, topic }: Route): Promise<Arrivals> {
    const connection = { clientId: 'bench', bootstrapBrokers: [broker] }
    const admin = new Admin(connection)
    await admin.createTopics({ topics: [topic], partitions: PARTITIONS, replicas: 1 })
    await admin.close()
    const consumer = new Consumer({ ...connection, groupId: topic, deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
    const arrivals = new Arrivals(async () => {
      await stream.close()
      await consumer.close(true)
    })
    stream.on('data', ({ value }) => {
      const now = performance.now()
      const { n } = JSON.parse(value) as { n: number }
      arrivals.any = true
      if (!arrivals.at.has(n)) arrivals.at.set(n, now)
    })
    return arrivals
  }

  /** Waits until all have arrived; not for ever, as a relay may be slower than the writers. */
  async has(committed: ReadonlyMap<number, number>): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    while (performance.now() < until && ![...committed.keys()].every((n) => this.at.has(n))) await delay(50)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close()
  }
}

function rowsOf(relay: Relay, rounds: readonly Measured[], bare: readonly Measured[]): Row[] {
  const missing = rounds.reduce((sum, { written, arrived }) => sum + written - arrived, 0)
  const late = missing === 0 ? '' : `, ${missing} had not arrived ${PATIENCE_MS / 1_000} s later`
  const rate = Math.round(median(rounds.map((round) => round.rate)))
  return [50, 99].map((percent) => {
    const ofEach = rounds.map(({ latenciesMs }) => percentile(latenciesMs, percent))
    const range = `${Math.min(...ofEach).toFixed(1)} to ${Math.max(...ofEach).toFixed(1)} in ${rounds.length} rounds`
    return {
      section: 'p',
      name: `outbox, COMMIT → Kafka, ${relay.name}, p${percent}`,
      value: median(ofEach),
      unit: 'ms',
      baseline: {
        name: 'sent after COMMIT',
        value: median(bare.map(({ latenciesMs }) => percentile(latenciesMs, percent))),
      },
      note: `${range}; ${rate} transactions/s${late}`,
    }
  })
}
