import { setTimeout as delay } from 'node:timers/promises'
import { progressOnStderr } from '../../src/demo/servers/progress.ts'
import { Daemon } from '../support/daemon.ts'
import { KafkaPublisher } from '../support/kafka-publisher.ts'
import { startKafka } from '../support/servers/kafka.ts'
import { createTable, insertRows, updateRows } from './dataset.ts'
import { median } from './percentiles.ts'
import { usageOf } from './process-usage.ts'
import { debeziumRows } from './relays/debezium.ts'
import type { Row } from './report.ts'
import type { SqlServer } from './servers.ts'

const PARTITIONS = 4
const LOOK_MS = 20
const DATABASE = 'shop'
/** Debezium names it after prefix, database and table; the prefix of its connector is the database. */
const TOPIC = `${DATABASE}.${DATABASE}.big`
const DEBEZIUM = 'Debezium'

/** Something that reads the binlog in a process of its own. */
interface Reader extends AsyncDisposable {
  readonly pid: number
  mustRun(): Promise<unknown>
}

interface Measured {
  readonly rate: number
  /** CPU seconds per million rows. */
  readonly cpu: number
  readonly rss: number
}

/**
 * One UPDATE of all rows: COMMIT returned → Kafka has a record with the old and the new row of each, acks=all, idempotent. Each goes
 * through it once before, and the second time counts. They take turns; a new topic for each.
 */
export async function besideDebezium(sql: SqlServer, rows: number, repeats: number): Promise<Row[]> {
  await using kafka = await startKafka()
  await using topics = new KafkaPublisher(kafka.port)
  await createTable(sql)
  await insertRows(sql, rows)
  const route = { sql, database: DATABASE, broker: kafka.url }
  const bingo = (format: string) => async (): Promise<Reader> => {
    const action = `{type: kafka, brokers: ["${kafka.url}"], topic: ${TOPIC}, format: ${format}}`
    const rules = `rules:\n  - {id: bench, table: shop.big, events: [UPDATE], actions: [${action}]}\n`
    return Daemon.start({ rules, sourceUrl: sql.url })
  }
  const relays: readonly (readonly [string, () => Promise<Reader>])[] = [
    ['BinGo, its own events', bingo('event')],
    ['BinGo, the envelope of Debezium', bingo('debezium')],
    [DEBEZIUM, () => debeziumRows(route, 'big')],
  ]
  const results = new Map<string, Measured[]>(relays.map(([name]) => [name, []]))
  for (let round = 0; round < repeats; round++) {
    for (const [name, start] of relays) {
      const measured = await measure(sql, topics, rows, start)
      results.get(name)!.push(measured)
      progressOnStderr(`${name}: ${Math.round(measured.rate)} rows/s`)
      await topics.drop(TOPIC)
    }
  }
  const of = (name: string, what: keyof Measured): number => median(results.get(name)!.map((each) => each[what]))
  return relays.map(([name]) => ({
    section: 't beside Debezium',
    name: `rows → Kafka, ${name}`,
    value: of(name, 'rate'),
    unit: 'rows/s',
    baseline: { name: DEBEZIUM, value: of(DEBEZIUM, 'rate') },
    note: `${of(name, 'cpu').toFixed(1)} CPU s per million, ${Math.round(of(name, 'rss'))} MB`,
  }))
}

async function measure(
  sql: SqlServer,
  topics: KafkaPublisher,
  rows: number,
  start: () => Promise<Reader>,
): Promise<Measured> {
  await topics.make(TOPIC, PARTITIONS)
  await using reader = await start()
  // Debezium says to nobody that it has begun; what is changed before, it does not read.
  let begun = 0
  while (begun === 0) {
    await reader.mustRun()
    await sql.query('UPDATE shop.big SET status = status + 1 WHERE id = 1')
    await delay(1_000)
    begun = await count(topics)
  }
  await delay(2_000)
  begun = await count(topics)
  await updateRows(sql, rows, true)
  await reaches(reader, topics, begun + rows)
  await updateRows(sql, rows, true)
  const committed = performance.now()
  const before = usageOf(reader.pid)
  await reaches(reader, topics, begun + 2 * rows)
  const seconds = (performance.now() - committed) / 1_000
  const { cpuSeconds, peakRssMb } = usageOf(reader.pid)
  return { rate: rows / seconds, cpu: ((cpuSeconds - before.cpuSeconds) / rows) * 1e6, rss: peakRssMb }
}

async function reaches(reader: Reader, topics: KafkaPublisher, records: number): Promise<void> {
  while ((await count(topics)) < records) {
    await reader.mustRun()
    await delay(LOOK_MS)
  }
}

async function count(topics: KafkaPublisher): Promise<number> {
  return Number((await topics.ends(TOPIC)).reduce((sum, end) => sum + end, 0n))
}
