import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { usageOf } from '../../bench/process-usage.ts'
import { Daemon, eventually } from '../../support/daemon.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import { startRedis } from '../../support/servers/redis.ts'
import { WebhookReceiver } from '../../support/webhook-receiver.ts'
import { judge } from '../checker.ts'
import type { Arrival } from '../checker.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'
import { OutageWatch } from '../waiting/outage-watch.ts'

/** Of the long form. */
const MINUTES = 10
const PER_SECOND = 2_000
const ROWS = 500
/** Changes of one statement. */
const TOGETHER = 100
const MAX_RSS_MB = 600
/** Of the checkpoint, while nothing can be delivered: it has to move, however slow the machine is. */
const MAX_LAG_SECONDS = 60
const HEAL_TIMEOUT_MS = 1_800_000

const rules = (receiver: string): string => `rules:
  - id: hook
    table: fault.down
    actions:
      - {type: webhook, url: "${receiver}", body: {key: "{{id}}", seq: "{{new.seq}}", id: "{{event.id}}"}}
  - id: cache
    table: fault.down
    actions:
      - {type: redis, cmd: SET, key: "row:{{id}}", value: "{{new.seq}}"}
`

async function run(context: ScenarioContext): Promise<Outcome> {
  const rounds = Math.max(1, Math.round(changesOf(context) / TOGETHER))
  await using mysql = await startMysql({ gtid: true })
  await using redis = await startRedis({})
  await using receiver = await WebhookReceiver.start()
  const arrivals: Arrival[] = []
  let isDown = true
  receiver.answer = (body) => {
    receiver.requests.length = 0
    if (isDown) return 503
    const { key, seq, id } = JSON.parse(body) as { key: number; seq: number; id: string }
    arrivals.push({ key: String(key), seq, id })
    return 204
  }
  await mysql.query('CREATE DATABASE fault; CREATE TABLE fault.down (id INT PRIMARY KEY, seq INT NOT NULL)')
  await using bingo = await Daemon.start({
    rules: rules(receiver.url),
    sourceUrl: mysql.url,
    env: { BINGO_REDIS_URL: redis.url, BINGO_SPOOL_AFTER: '1s', BINGO_SPOOL_MAX_BYTES: '4GiB' },
  })
  context.evidence.watch(bingo)
  const values = Array.from({ length: ROWS }, (_, id) => `(${id}, 1)`).join(',')
  await mysql.query(`INSERT INTO fault.down VALUES ${values}`)
  const connection = await mysql.connect()
  const cache = new Redis(redis.port, redis.host)
  const watch = new OutageWatch(bingo, cache, (row) => `row:${row}`)
  try {
    const from = performance.now()
    let done = 0
    // The first row of the newest statement: 1 when it was inserted, and 1 more each time that it came up.
    watch.start(() => [(Math.max(0, done - 1) * TOGETHER) % ROWS, 1 + Math.ceil((done * TOGETHER) / ROWS)])
    for (let round = 0; round < rounds; round++) {
      const first = (round * TOGETHER) % ROWS
      await connection.query(
        `UPDATE fault.down SET seq = seq + 1 WHERE id >= ${first} AND id < ${first + TOGETHER} ORDER BY id`,
      )
      done = round + 1
      await delay(Math.max(0, from + ((round + 1) * TOGETHER * 1_000) / PER_SECOND - performance.now()))
    }
    const perSecond = Math.round((rounds * TOGETHER * 1_000) / (performance.now() - from))
    await watch.stop()
    const filled = usageOf(bingo.pid)
    const final = new Map(
      (await mysql.query<{ id: number; seq: number }>('SELECT id, seq FROM fault.down')).map(({ id, seq }) => [
        String(id),
        seq,
      ]),
    )
    const problems = await whileDown(bingo, redis, final)
    if (watch.maxLagSeconds > MAX_LAG_SECONDS) problems.push(`the checkpoint was ${watch.maxLagSeconds} s behind`)
    const spooled = await spooledBy(bingo)
    if (arrivals.length > 0) problems.push('the receiver took something while it was down')
    isDown = false
    const healedFrom = performance.now()
    const changes = [...final.values()].reduce((sum, seq) => sum + seq, 0)
    await eventually('everything arrived', () => arrivals.length >= changes, HEAL_TIMEOUT_MS)
    const secondsToHeal = (performance.now() - healedFrom) / 1_000
    const { peakRssMb } = usageOf(bingo.pid)
    if (peakRssMb > MAX_RSS_MB) problems.push(`the daemon took ${Math.round(peakRssMb)} MB`)
    const verdict = judge(arrivals, final)
    return {
      fault: 'a receiver that is down, while another rule goes on',
      runs: 1,
      changes,
      lost: verdict.lost.length,
      reordered: verdict.reordered.length,
      phantom: verdict.phantoms.length + verdict.changedIds.length,
      duplicates: verdict.duplicates,
      secondsToHeal,
      notes: `${perSecond} changes/s, ${spooled} spooled; ${watch.notes}; peak RSS ${Math.round(filled.peakRssMb)} MB, ${Math.round(peakRssMb)} MB when drained`,
      problems,
    }
  } finally {
    await watch.stop().catch(() => undefined)
    cache.disconnect()
    connection.destroy()
  }
}

/** Events, by the one target that is down. */
async function spooledBy(bingo: Daemon): Promise<number> {
  const { text } = await bingo.get('/metrics')
  return Number(/^bingo_spool_events\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0)
}

function changesOf({ changes, minutes = MINUTES }: ScenarioContext): number {
  return changes ?? minutes * 60 * PER_SECOND
}

/** The cache becomes what the table is, and everything is behind the checkpoint, although nothing can be delivered. */
async function whileDown(
  bingo: Daemon,
  redis: Awaited<ReturnType<typeof startRedis>>,
  final: ReadonlyMap<string, number>,
): Promise<string[]> {
  const keys = [...final.keys()]
  const isRight = async (): Promise<boolean> => {
    const cached = (await redis.cli('--raw', 'MGET', ...keys.map((key) => `row:${key}`))).trim().split('\n')
    return keys.every((key, i) => cached[i] === String(final.get(key)))
  }
  const waits: readonly (readonly [string, () => Promise<boolean>])[] = [
    ['the cache is not what the table is', isRight],
    ['the checkpoint does not move', async () => (await bingo.metric('bingo_lag_seconds')) === 0],
    ['the spool is not reported', async () => (await bingo.get('/readyz')).text.includes('BINGO_SPOOL')],
  ]
  const problems: string[] = []
  for (const [what, check] of waits) await eventually(what, check).catch(() => problems.push(what))
  return problems
}

export const scenario: Scenario = {
  name: 'receiver-down',
  group: 'resources',
  doc: 'a receiver is down for ten minutes at 2,000 changes/s (--minutes, --changes): the cache of another rule stays right, the checkpoint moves, all arrive in order',
  run,
}
