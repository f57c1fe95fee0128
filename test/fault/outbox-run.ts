import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import type { SqlServer } from '../../src/demo/servers/sql-server.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startRedis } from '../support/servers/redis.ts'
import { OutboxWriters } from './outbox-writers.ts'
import { randomFrom } from './random.ts'
import type { Outcome, ScenarioContext } from './scenario.ts'

export interface OutboxRun {
  readonly name: string
  readonly start: () => Promise<SqlServer>
  readonly engine: 'InnoDB' | 'BLACKHOLE'
  readonly after: 'none' | 'mark' | 'delete'
  /** Kills of BinGo, of the database, and of the target. */
  readonly kills: { readonly bingo: number; readonly database: number; readonly target: number }
}

interface Published {
  readonly id: string
  readonly key: string
  readonly n: number
}

const HEAL_MS = 600_000

/** Kills everything that takes part, under load, and compares the orders that are there with the events that were published. */
export async function killAroundOutbox(
  run: OutboxRun,
  { seed, evidence, progress }: ScenarioContext,
): Promise<Outcome> {
  await using sql = await run.start()
  // What was acknowledged has been written: the kill of a process loses none of it.
  await using target = await startRedis({ args: ['--appendonly', 'yes'] })
  await prepare(sql, run)
  await using bingo = await Daemon.prepare({ rules: 'rules: []', sourceUrl: sql.url, env: {} })
  evidence.watch(bingo)
  const config = join(bingo.folder, 'config.yaml')
  const to = `{type: redis, url: "${target.url}", cmd: XADD, key: published, fields: {id: "{{event.id}}", key: "{{key}}", n: "{{payload.n}}"}}`
  await writeFile(config, `outbox: [{table: shop.outbox, after: ${run.after}, to: ${to}}]`)
  const env = { BINGO_CONFIG: config, BINGO_CHECKPOINT_INTERVAL: '50ms' }
  bingo.spawn(env)
  await bingo.ready()
  const writers = new OutboxWriters(sql, seed)
  writers.start()
  const random = randomFrom(seed + 1)
  for (const [i, what] of kindsOf(run).entries()) {
    await delay(50 + random() * 400)
    if (what === 'bingo') {
      await bingo.stop('SIGKILL')
      bingo.spawn(env)
      await bingo.ready()
    } else {
      const server = what === 'database' ? sql : target
      await server.kill()
      await delay(random() * 500)
      await server.restart()
    }
    if (i % 20 === 0) progress(`${i + 1} kills, ${writers.attempts} transactions`)
  }
  await writers.stop()
  const healedFrom = performance.now()
  const committed = new Set((await sql.query<{ id: string }>('SELECT id FROM shop.orders')).map(({ id }) => id))
  const seen = (): Promise<readonly Published[]> => published(target)
  await eventually(
    'every committed order is published',
    async () => new Set((await seen()).map(({ id }) => id)).size >= committed.size,
    HEAL_MS,
  ).catch(() => undefined)
  const secondsToHeal = (performance.now() - healedFrom) / 1_000
  const problems = await leftBehind(sql, bingo, run)
  await bingo.stop()
  return judged(run, { committed, arrivals: await seen(), secondsToHeal, problems })
}

async function prepare(sql: SqlServer, { engine }: OutboxRun): Promise<void> {
  await sql.query('CREATE DATABASE shop')
  await sql.query('CREATE TABLE shop.orders (id VARCHAR(64) PRIMARY KEY)')
  const marks = 'processed_at DATETIME(3), retry_count INT NOT NULL DEFAULT 0, last_error TEXT'
  await sql.query(
    `CREATE TABLE shop.outbox (id VARCHAR(64) NOT NULL PRIMARY KEY, aggregate_id VARCHAR(64), topic VARCHAR(64), payload LONGTEXT, ${marks}) ENGINE = ${engine}`,
  )
}

/** The kills, those of servers spread among those of BinGo. */
function kindsOf({ kills: { bingo, database, target } }: OutboxRun): readonly ('bingo' | 'database' | 'target')[] {
  const others = [...Array<'database'>(database).fill('database'), ...Array<'target'>(target).fill('target')]
  const every = Math.max(1, Math.floor(bingo / (others.length + 1)))
  return Array.from({ length: bingo }, (_, i) => i).flatMap((i) => {
    const other = (i + 1) % every === 0 ? others.shift() : undefined
    return other === undefined ? (['bingo'] as const) : (['bingo', other] as const)
  })
}

async function published(target: RedisServer): Promise<readonly Published[]> {
  const text = await target.cli('--json', 'XRANGE', 'published', '-', '+')
  const entries = JSON.parse(text) as [string, string[]][]
  return entries.map(([, [, id, , key, , n]]) => ({ id: id!, key: key!, n: Number(n) }))
}

/** Rows that should have been marked or deleted. */
async function leftBehind(sql: SqlServer, bingo: Daemon, { after }: OutboxRun): Promise<readonly string[]> {
  const where = after === 'mark' ? 'WHERE processed_at IS NULL' : ''
  if (after === 'none') return []
  const left = async (): Promise<number> => {
    const [row] = await sql.query<{ n: number | string }>(`SELECT COUNT(*) AS n FROM shop.outbox ${where}`)
    return Number(row!.n)
  }
  await eventually('no row is left', async () => (await left()) === 0, HEAL_MS / 10).catch(() => undefined)
  const rows = await left()
  const failures = (await bingo.metric('bingo_outbox_write_failures_total{outbox="shop.outbox"}')) ?? 0
  return [
    ...(rows === 0 ? [] : [`${rows} rows were not ${after === 'mark' ? 'marked' : 'deleted'}`]),
    ...(failures === 0 ? [] : [`${failures} rows could not be written`]),
  ]
}

interface Seen {
  readonly committed: ReadonlySet<string>
  readonly arrivals: readonly Published[]
  readonly secondsToHeal: number
  readonly problems: readonly string[]
}

function judged({ name, kills }: OutboxRun, { committed, arrivals, secondsToHeal, problems }: Seen): Outcome {
  const first = new Map<string, Published>()
  const last = new Map<string, number>()
  let reordered = 0
  for (const event of arrivals) {
    if (first.has(event.id)) continue
    first.set(event.id, event)
    if (event.n < (last.get(event.key) ?? 0)) reordered += 1
    else last.set(event.key, event.n)
  }
  return {
    fault: `${name}: kill -9 of BinGo (${kills.bingo}), the database (${kills.database}), the target (${kills.target})`,
    runs: kills.bingo + kills.database + kills.target,
    changes: committed.size,
    lost: [...committed].filter((id) => !first.has(id)).length,
    reordered,
    phantom: [...first.keys()].filter((id) => !committed.has(id)).length,
    duplicates: arrivals.length - first.size,
    secondsToHeal,
    problems,
  }
}
