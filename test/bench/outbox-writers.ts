import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openAdmin } from '../../src/clients/kafka/kafka.ts'
import { progressOnStderr } from '../../src/demo/servers/progress.ts'
import { Daemon } from '../support/daemon.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { SAFE } from './outbox-latency.ts'
import { median } from './percentiles.ts'
import { debeziumTable } from './relays/relay.ts'
import type { Row } from './report.ts'

const CONNECTIONS = 8
/** Of each slice, not measured: what was written in it is cleaned up in the rest, as in an outbox that is never at rest. */
const RUN_IN_SECONDS = 1.5
const TOPIC = 'writers'
const { tables, insert } = debeziumTable()

interface Kind {
  readonly name: string
  readonly database: string
  readonly engine: 'InnoDB' | 'BLACKHOLE' | null
  readonly after: 'none' | 'keep' | 'mark' | 'delete'
}

const KINDS: readonly Kind[] = [
  { name: 'no outbox', database: 'bare', engine: null, after: 'none' },
  { name: 'BLACKHOLE', database: 'blackhole', engine: 'BLACKHOLE', after: 'none' },
  { name: 'InnoDB, after: keep', database: 'keep', engine: 'InnoDB', after: 'keep' },
  { name: 'InnoDB, after: mark', database: 'mark', engine: 'InnoDB', after: 'mark' },
  { name: 'InnoDB, after: delete', database: 'deleted', engine: 'InnoDB', after: 'delete' },
]

/**
 * What an outbox costs its writers: transactions per second of one order each, as many as they can, while BinGo delivers and cleans
 * up. The kinds take turns in short slices, and each is compared with what had no outbox in the same round: the disk is not the same
 * at all times.
 */
export async function outboxWriters(seconds: number, rounds: number): Promise<Row[]> {
  await using sql = await startMysql({ gtid: true, args: SAFE })
  await using kafka = await startKafka()
  const admin = openAdmin({ clientId: 'bench', bootstrapBrokers: [kafka.url] })
  await admin.createTopics({ topics: [TOPIC], partitions: 4, replicas: 1 })
  await admin.close()
  for (const kind of KINDS) await prepare(sql, kind)
  await using bingo = await startBingo(sql, kafka.url)
  const writers = await Writers.open(sql)
  const rates = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]))
  // The first round compiles, and lets the files grow.
  for (let round = -1; round < rounds; round++) {
    for (const [kind, ofKind] of rates) {
      await writers.write(kind, RUN_IN_SECONDS)
      const perSecond = (await writers.write(kind, seconds)) / seconds
      await cleanedUp(bingo, kind)
      if (round >= 0) ofKind.push(perSecond)
      progressOnStderr(`round ${round}, ${kind.name}: ${Math.round(perSecond)} transactions/s`)
    }
  }
  await writers.close()
  return rowsOf(rates)
}

function rowsOf(rates: ReadonlyMap<Kind, readonly number[]>): Row[] {
  const [bare, blackhole] = [...rates.values()]
  return [...rates].map(([kind, ofKind]) => {
    const against = (others: readonly number[]): string => {
      const ratios = ofKind.map((rate, round) => rate / others[round]!)
      const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
      return `${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`
    }
    return {
      section: 'q',
      name: `writers, ${kind.name}`,
      value: median(ofKind),
      unit: 'transactions/s',
      baseline: { name: 'no outbox', value: median(bare!) },
      note: `by round: ${against(bare!)} of no outbox, ${against(blackhole!)} of BLACKHOLE`,
    }
  })
}

async function prepare(sql: SqlServer, { database, engine, after }: Kind): Promise<void> {
  await sql.query(`CREATE DATABASE ${database}`)
  await sql.query(`CREATE TABLE ${database}.orders (id INT PRIMARY KEY, total INT)`)
  if (engine === null) return
  for (const table of tables({ sql, database, broker: '', topic: TOPIC })) await sql.query(table)
  if (after === 'mark') await sql.query(`ALTER TABLE ${database}.outbox ADD COLUMN processed_at DATETIME(3)`)
  if (engine === 'BLACKHOLE') await sql.query(`ALTER TABLE ${database}.outbox ENGINE = BLACKHOLE`)
}

/** One for all kinds: those whose turn it is not have nothing to do. */
async function startBingo(sql: SqlServer, broker: string): Promise<Daemon> {
  const daemon = await Daemon.prepare({ rules: 'rules: []', sourceUrl: sql.url, env: {} })
  const to = `{type: kafka, brokers: ["${broker}"], topic: "${TOPIC}", key: "{{key}}"}`
  const outboxes = KINDS.filter(({ engine }) => engine !== null).map(
    ({ database, after }) => `  - {table: ${database}.outbox, shape: debezium, after: ${after}, to: ${to}}\n`,
  )
  const config = join(daemon.folder, 'config.yaml')
  await writeFile(config, `outbox:\n${outboxes.join('')}`)
  daemon.spawn({ BINGO_CONFIG: config })
  await daemon.ready()
  return daemon
}

async function cleanedUp(bingo: Daemon, { database, engine }: Kind): Promise<void> {
  if (engine === null) return
  const metric = async (name: string) => (await bingo.metric(`bingo_outbox_${name}{outbox="${database}.outbox"}`)) ?? 0
  for (let before = -1; ;) {
    const events = await metric('events_total')
    if (events === before && (await metric('queue_size')) === 0) return
    before = events
    await delay(100)
  }
}

class Writers {
  readonly #connections: Awaited<ReturnType<SqlServer['connect']>>[]
  readonly #sql: SqlServer
  #next = 1

  private constructor(sql: SqlServer, connections: Awaited<ReturnType<SqlServer['connect']>>[]) {
    this.#sql = sql
    this.#connections = connections
  }

  static async open(sql: SqlServer): Promise<Writers> {
    return new Writers(sql, await Promise.all(Array.from({ length: CONNECTIONS }, () => sql.connect())))
  }

  /** Answers how many transactions were committed. */
  async write({ database, engine }: Kind, seconds: number): Promise<number> {
    const route = { sql: this.#sql, database, broker: '', topic: TOPIC }
    const until = performance.now() + seconds * 1_000
    let committed = 0
    const work = async (connection: Awaited<ReturnType<SqlServer['connect']>>): Promise<void> => {
      while (performance.now() < until) {
        const n = this.#next++
        const message = engine === null ? 'DO 0' : insert(n, route)
        await connection.query(`BEGIN; INSERT INTO ${database}.orders VALUES (${n}, 25); ${message}; COMMIT`)
        committed += 1
      }
    }
    await Promise.all(this.#connections.map(work))
    return committed
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.end()))
  }
}
