import { setTimeout as delay } from 'node:timers/promises'
import { usageOf } from '../../bench/process-usage.ts'
import { Daemon, eventually } from '../../support/daemon.ts'
import { startMysql } from '../../support/servers/mysql.ts'
import { startRedis } from '../../support/servers/redis.ts'
import { WebhookReceiver } from '../../support/webhook-receiver.ts'
import { judge } from '../checker.ts'
import type { Arrival } from '../checker.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

/** Long form: ten minutes at 2,000 changes a second. */
const CHANGES = 1_200_000
const PER_SECOND = 2_000
const ROWS = 500
/** Changes of one statement. */
const TOGETHER = 100
const MAX_RSS_MB = 600
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
  const rounds = Math.max(1, Math.round((context.changes ?? CHANGES) / TOGETHER))
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
  try {
    const from = performance.now()
    for (let round = 0; round < rounds; round++) {
      const first = (round * TOGETHER) % ROWS
      await connection.query(
        `UPDATE fault.down SET seq = seq + 1 WHERE id >= ${first} AND id < ${first + TOGETHER} ORDER BY id`,
      )
      await delay(Math.max(0, from + ((round + 1) * TOGETHER * 1_000) / PER_SECOND - performance.now()))
    }
    const final = new Map(
      (await mysql.query<{ id: number; seq: number }>('SELECT id, seq FROM fault.down')).map(({ id, seq }) => [
        String(id),
        seq,
      ]),
    )
    const problems = await whileDown(bingo, redis, final)
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
      notes: `peak RSS ${Math.round(peakRssMb)} MB`,
      problems,
    }
  } finally {
    connection.destroy()
  }
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
  doc: 'a receiver is down for ten minutes at 2,000 changes/s (--changes): the cache of another rule stays right, the checkpoint moves, all arrive in order',
  run,
}
