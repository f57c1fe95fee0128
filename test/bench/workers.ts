import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Daemon, eventually } from '../support/daemon.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { createTable, insertRows, updateRows } from './dataset.ts'
import type { Row } from './report.ts'
import type { RedisServer, SqlServer } from './servers.ts'

const WORKERS = [1, 2, 4]
const TAKES_MS = 5
/** As many shares as a multiple of all of them. */
const SHARES = 16

/**
 * Webhooks that take 5 ms, by a reader and 1, 2 and 4 workers through Redis, beside one process that does everything. What
 * is in flight at once is the same whatever the number of workers (shares × concurrency): they add cores. So the figure grows
 * with them until the cores of this machine, which the servers and the receiver need as well, are used up.
 */
export async function workers(sql: SqlServer, redis: RedisServer, rows: number): Promise<Row[]> {
  await createTable(sql)
  await insertRows(sql, rows)
  const alone = await rateOf(sql, redis, rows, 0)
  const results: Row[] = []
  for (const count of WORKERS) {
    const value = await rateOf(sql, redis, rows, count)
    const name = `reader and ${count} worker${count === 1 ? '' : 's'}, webhooks of ${TAKES_MS} ms`
    results.push({
      section: 'n workers',
      name,
      value,
      unit: 'requests/s',
      baseline: { name: 'one process', value: alone },
    })
  }
  return results
}

async function rateOf(sql: SqlServer, redis: RedisServer, rows: number, count: number): Promise<number> {
  await using receiver = await WebhookReceiver.start()
  receiver.answer = (_body, response) => {
    void delay(TAKES_MS).then(() => response.writeHead(204).end())
    return undefined
  }
  const rules = `rules:
  - {id: hook, table: shop.big, events: [UPDATE], actions: [{type: webhook, url: "${receiver.url}/", batch: never, body: {id: "{{id}}"}}]}
`
  const name = `bench-workers-${count}`
  const env = {
    BINGO_NAME: name,
    BINGO_CHECKPOINT_STORE: redis.url,
    ...(count > 0 && { BINGO_SCALE_THROUGH: `${redis.url}/1?prefix=${name}`, BINGO_SCALE_SHARES: String(SHARES) }),
  }
  await using stack = new AsyncDisposableStack()
  const start = async (role: string): Promise<Daemon> =>
    stack.use(await Daemon.start({ rules, sourceUrl: sql.url, env: { ...env, BINGO_SCALE_ROLE: role } }))
  await start(count === 0 ? 'all' : 'reader')
  const all: Daemon[] = []
  for (let i = 0; i < count; i++) all.push(await start('worker'))
  for (const each of all) {
    await eventually('each has its part', async () => (await each.metric('bingo_scale_shares')) === SHARES / count)
  }
  const begun = performance.now()
  await updateRows(sql, rows, true)
  await eventually('every webhook arrived', () => receiver.requests.length >= rows, 600_000)
  return rows / ((performance.now() - begun) / 1_000)
}
