import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import { usageOf } from '../../bench/process-usage.ts'
import { besides, Daemon, eventually } from '../../support/daemon.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import { startRedis } from '../../support/servers/redis.ts'
import type { RedisServer } from '../../support/servers/redis.ts'
import { judge } from '../checker.ts'
import type { Arrival } from '../checker.ts'
import { measuredCommand } from '../measured-command.ts'
import type { MeasuredCommand } from '../measured-command.ts'
import { checkpointUrl } from '../rig.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const EVENTS = 100_000
const HEAP_MB = 128
/** Resident memory is a heap of 128 MB, its young generation, code and buffers. */
const MAX_RSS_MB = 450
const WAIT_MS = 900_000
/** Statements sent together, in one transaction. */
const TOGETHER = 500
/** What is slower does not get through 100,000 entries in a quarter of an hour: far below what was measured. */
const LEAST_PER_SECOND = 100
const STARTUP_SECONDS = 60

const RULES = `rules:
  - id: history
    table: fault.parked
    actions:
      - {type: redis, cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}} {{event.id}}"}
`
/** What the target refuses for long, and what goes on meanwhile. */
const PARKED = 1
const FREE = 2

const UPDATE = 'UPDATE fault.parked SET seq = seq + 1 WHERE id ='

/** As many changes of the parked row, and one of the free row with every lot of them. */
async function change(connection: Connection, times: number): Promise<void> {
  for (let done = 0; done < times; done += TOGETHER) {
    const lot = `${UPDATE} ${PARKED};`.repeat(Math.min(TOGETHER, times - done))
    await connection.query(`BEGIN; ${lot} ${UPDATE} ${FREE}; COMMIT`)
  }
}

async function arrivals(redis: RedisServer, row: number): Promise<Arrival[]> {
  const lines = (await redis.cli('--raw', 'LRANGE', `row:${row}`, '0', '-1')).trim().split('\n')
  return lines.map((line) => ({ key: String(row), seq: Number(line.split(' ')[0]), id: line.split(' ')[1]! }))
}

const lengthOf = async (redis: RedisServer, row: number): Promise<number> =>
  Number(await redis.cli('--raw', 'LLEN', `row:${row}`))

/** Changes of both rows go on until it is told to stop. */
function changing(connection: Connection): { stop(): Promise<void> } {
  let going = true
  const done = (async () => {
    while (going) {
      await connection.query(`${UPDATE} ${PARKED}; ${UPDATE} ${FREE}`)
      await delay(20)
    }
  })()
  return {
    stop: () => {
      going = false
      return done
    },
  }
}

function tooMuch(what: string, { code, stderr, seconds, peakRssMb }: MeasuredCommand, entries: number): string[] {
  const problems: string[] = []
  if (code !== 0) problems.push(`${what} ended with ${code}: ${stderr.slice(0, 500)}`)
  if (peakRssMb > MAX_RSS_MB) problems.push(`${what} took ${Math.round(peakRssMb)} MB`)
  if (seconds > STARTUP_SECONDS + entries / LEAST_PER_SECOND) problems.push(`${what} took ${Math.round(seconds)} s`)
  return problems
}

function wrongLines(list: MeasuredCommand, first: MeasuredCommand, entries: number): string[] {
  const lines = list.stdout.trimEnd().split('\n').length - 1
  const problems = lines < entries ? [`list printed ${lines} of ${entries} entries`] : []
  return first.stdout.trimEnd().split('\n').length === 11 ? problems : [...problems, 'list --limit 10 printed others']
}

async function run(store: 'file' | 'redis', context: ScenarioContext): Promise<Outcome> {
  const events = context.changes ?? EVENTS
  await using mysql = await startMysql({ gtid: true })
  await using redis = await startRedis({})
  await mysql.query('CREATE DATABASE fault; CREATE TABLE fault.parked (id INT PRIMARY KEY, seq INT NOT NULL)')
  const letters = store === 'redis' ? { BINGO_DEAD_LETTERS_STORE: checkpointUrl(redis) } : undefined
  await using bingo = await Daemon.start({
    rules: RULES,
    sourceUrl: mysql.url,
    env: { BINGO_REDIS_URL: redis.url, BINGO_DEAD_LETTERS_MAX_COUNT: '1000000', ...letters },
    nodeArgs: [`--max-old-space-size=${HEAP_MB}`],
  })
  context.evidence.watch(bingo)
  await redis.cli('SET', `row:${PARKED}`, 'not a list')
  await mysql.query(`INSERT INTO fault.parked VALUES (${PARKED}, 1), (${FREE}, 1)`)
  const connection = await mysql.connect()
  try {
    await change(connection, events - 1)
    const parked = async () => ((await bingo.metric('bingo_dead_letters')) ?? 0) >= events
    await eventually('all are parked', parked, WAIT_MS)
    const commandEnv = besides(bingo)
    const command = (...args: string[]) => measuredCommand(['dead-letters', ...args], commandEnv, HEAP_MB)
    const others = changing(connection)
    const list = await command('list')
    const first = await command('list', '--limit', '10')
    await redis.cli('DEL', `row:${PARKED}`)
    const retry = await command('retry', '--all')
    await others.stop()
    const healedFrom = performance.now()
    const rows = await mysql.query<{ id: number; seq: number }>('SELECT id, seq FROM fault.parked')
    const final = new Map(rows.map(({ id, seq }) => [String(id), seq]))
    for (const { id, seq } of rows) {
      await eventually(`row ${id} is complete`, async () => (await lengthOf(redis, id)) >= seq, WAIT_MS)
    }
    const secondsToHeal = (performance.now() - healedFrom) / 1_000
    const verdict = judge([...(await arrivals(redis, PARKED)), ...(await arrivals(redis, FREE))], final, [])
    const { peakRssMb } = usageOf(bingo.pid)
    const problems = [
      ...tooMuch('list', list, events),
      ...tooMuch('list --limit 10', first, 0),
      ...wrongLines(list, first, events),
      ...tooMuch('retry', retry, events),
      ...(peakRssMb > MAX_RSS_MB ? [`the daemon took ${Math.round(peakRssMb)} MB`] : []),
    ]
    return {
      fault: `a row parked with ${events.toLocaleString('en-US')} events, dead letters in ${store}`,
      runs: 1,
      changes: [...final.values()].reduce((sum, seq) => sum + seq, 0),
      lost: verdict.lost.length,
      reordered: verdict.reordered.length,
      phantom: verdict.phantoms.length + verdict.changedIds.length,
      duplicates: verdict.duplicates,
      strayDuplicates: verdict.stray.length,
      secondsToHeal,
      notes: [
        `peak RSS: daemon ${Math.round(peakRssMb)} MB`,
        ...Object.entries({ list, retry }).map(
          ([name, { seconds, peakRssMb: mb }]) => `${name} ${Math.round(mb)} MB in ${seconds.toFixed(1)} s`,
        ),
      ].join(', '),
      problems,
    }
  } finally {
    connection.destroy()
  }
}

export const scenarios: readonly Scenario[] = (['file', 'redis'] as const).map((store) => ({
  name: `parked-${store}`,
  group: 'resources',
  doc: `100,000 events (--changes) of one row parked in ${store}, listed and retried with a heap of ${HEAP_MB} MB: once each, in order`,
  run: (context) => run(store, context),
}))
