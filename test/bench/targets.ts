import { performance } from 'node:perf_hooks'
import { Daemon, eventually } from '../support/daemon.ts'
import { NATS, RABBITMQ } from './contestants/brokers.ts'
import type { Contest, Contestant } from './contestants/contestant.ts'
import { LOG, SQL } from './contestants/files.ts'
import { GRPC, inThreads, WEBHOOK } from './contestants/http.ts'
import { KAFKA, KAFKA_EVENTS } from './contestants/kafka.ts'
import { REDIS } from './contestants/redis.ts'
import { createTable, insertRows, updateRows } from './dataset.ts'
import type { Row } from './report.ts'
import type { SqlServer } from './servers.ts'

const CONTESTANTS: readonly Contestant[] = [
  ...REDIS,
  KAFKA,
  KAFKA_EVENTS,
  RABBITMQ,
  NATS,
  WEBHOOK,
  ...inThreads(WEBHOOK),
  GRPC,
  ...inThreads(GRPC),
  SQL,
  LOG,
]
const DEADLINE_MS = 600_000

/**
 * COMMIT returned → every row's action acknowledged, beside a program that sends as many messages of the same size with
 * the client library alone, to the same server. BinGo reads the binlog, matches and renders meanwhile. On both sides all
 * rows go once before, and the second time counts: code that is not optimised yet costs a new process as much as tens of
 * thousands of events.
 */
export async function targets(sql: SqlServer, names: RegExp): Promise<Row[]> {
  const rows: Row[] = []
  for (const contestant of CONTESTANTS) {
    if (!names.test(contestant.name)) continue
    await using contest = await contestant.start()
    const bingo = await throughBingo(sql, contest, contestant)
    // As warm as the daemon is.
    await contest.bare(contestant.rows)
    const bare = await rate(contestant.rows, () => contest.bare(contestant.rows))
    const baseline = { name: 'client alone', value: bare }
    rows.push({ section: 'g targets', name: contestant.name, value: bingo, unit: 'events/s', baseline })
  }
  return rows
}

async function throughBingo(sql: SqlServer, contest: Contest, { rows }: Contestant): Promise<number> {
  await createTable(sql)
  await insertRows(sql, rows)
  const rules = `rules:
  - id: bench
    table: shop.big
    events: [UPDATE]
    actions:
      - ${contest.action}
`
  await using bingo = await Daemon.start({ rules, sourceUrl: sql.url })
  const delivered = (events: number): Promise<void> =>
    eventually(
      'everything was delivered',
      async () => (await bingo.metric('bingo_rule_delivered_total{rule="bench"}')) === events,
      DEADLINE_MS,
    )
  await updateRows(sql, rows, true)
  await delivered(rows)
  await updateRows(sql, rows, true)
  return await rate(rows, () => delivered(2 * rows))
}

/** Events per second. */
async function rate(rows: number, work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return rows / ((performance.now() - begun) / 1_000)
}
