import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Daemon, eventually } from '../support/daemon.ts'
import { capCpu } from './cpu-cap.ts'
import { createTable, insertRows, updateRows } from './dataset.ts'
import { usageOf } from './process-usage.ts'
import type { Row } from './report.ts'
import type { RedisServer, SqlServer } from './servers.ts'
import { startSlowReceiver } from './slow-receiver.ts'

const WORKERS = [1, 2, 4]
const TAKES_MS = 5
/** As many shares as a multiple of all of them. */
const SHARES = 16
/** Four workers, the servers and the receiver fit into two cores. */
const SMALL_CORE = 0.15
/** An instance does not begin with the position of another. */
let runs = 0

/** Measured between these parts of the requests: when each worker has compiled its code, and before the first one is out of work. */
const [FROM, TO] = [0.5, 0.9]
const IDLE_MS = 2_000

interface Run {
  readonly perSecond: number
  /** Of all workers together, per request. */
  readonly cpuUs: number
  /** The same, of the requests before those that are measured. */
  readonly coldCpuUs: number
  /** Of a core that each worker takes when there is nothing to do. */
  readonly idleCores: number
  /** Whether the processes could be held to a part of a core. */
  readonly isCapped: boolean
}

/**
 * Webhooks that take 5 ms, by 1, 2 and 4 workers through Redis. What is in flight at once is the same whatever the number of
 * workers (shares × concurrency): they add cores. One machine has too few to show that, so it is measured twice: with workers
 * that may each use a part of a core, as if they had small machines of their own, and without a limit, where the servers and
 * the receiver need the cores as well. Each worker has the same number of requests, and the first half of them is not
 * measured: a process compiles its own code. Everything is in the log before the first webhook is answered: neither MySQL nor
 * the reader is in the figures.
 */
export async function workers(sql: SqlServer, redis: RedisServer, rows: number): Promise<Row[]> {
  await createTable(sql)
  await insertRows(sql, rows)
  const results: Row[] = []
  for (const cores of [SMALL_CORE, null]) {
    let one = 0
    for (const count of WORKERS) {
      const { perSecond, cpuUs, coldCpuUs, idleCores, isCapped } = await drain(sql, redis, { rows, count, cores })
      if (cores !== null && !isCapped) break
      if (count === 1) one = perSecond
      const name = `${count} worker${count === 1 ? '' : 's'}${cores === null ? '' : `, ${cores} of a core each`}`
      results.push({
        section: 'n workers',
        name: `webhooks of ${TAKES_MS} ms, ${name}`,
        value: perSecond,
        unit: 'requests/s',
        ...(count > 1 && { baseline: { name: `${count} × one worker`, value: count * one } }),
        note: `${Math.round(cpuUs)} µs of CPU per request (${Math.round(coldCpuUs)} before), ${(idleCores * 100).toFixed(1)} % of a core when idle`,
      })
    }
  }
  return results
}

interface Drain {
  /** For each worker. */
  readonly rows: number
  readonly count: number
  readonly cores: number | null
}

async function drain(sql: SqlServer, redis: RedisServer, { rows, count, cores }: Drain): Promise<Run> {
  await using receiver = await startSlowReceiver(TAKES_MS)
  const action = `{type: webhook, url: "${receiver.url}/", timeout: 2m, batch: never, body: {id: "{{id}}"}}`
  const rules = `rules: [{id: hook, table: shop.big, events: [UPDATE], actions: [${action}]}]`
  const name = `bench-workers-${++runs}`
  const env = {
    BINGO_NAME: name,
    BINGO_CHECKPOINT_STORE: redis.url,
    BINGO_SCALE_THROUGH: `${redis.url}/1?prefix=${name}`,
    BINGO_SCALE_SHARES: String(SHARES),
  }
  using caps = new DisposableStack()
  await using stack = new AsyncDisposableStack()
  const start = async (role: string): Promise<Daemon> =>
    stack.use(await Daemon.start({ rules, sourceUrl: sql.url, env: { ...env, BINGO_SCALE_ROLE: role } }))
  const reader = await start('reader')
  const all: Daemon[] = []
  for (let i = 0; i < count; i++) all.push(await start('worker'))
  const sumOf = async (metric: string): Promise<number> =>
    (await Promise.all(all.map((each) => each.metric(metric)))).reduce<number>((sum, each) => sum + (each ?? 0), 0)
  const each = async (metric: string): Promise<(number | undefined)[]> =>
    Promise.all(all.map((worker) => worker.metric(metric)))
  const part = SHARES / count
  await eventually('each has its part', async () => (await each('bingo_scale_shares')).every((has) => has === part))
  const idleSince = all.map(({ pid }) => usageOf(pid).cpuSeconds)
  await delay(IDLE_MS)
  const idleCores = average(all.map(({ pid }, i) => ((usageOf(pid).cpuSeconds - idleSince[i]!) * 1_000) / IDLE_MS))
  const total = rows * count
  for (let i = 0; i < count; i++) await updateRows(sql, rows, true)
  await eventually('everything is in the log', async () => (await sumOf('bingo_scale_behind')) === total, 300_000)
  await reader.stop()
  const held = cores === null ? [] : all.map(({ pid }) => capCpu(pid, cores))
  for (const cap of held) if (cap !== null) caps.use(cap)
  const isCapped = held.length > 0 && !held.includes(null)
  const cpuSeconds = (): number => all.reduce((sum, { pid }) => sum + usageOf(pid).cpuSeconds, 0)
  const at = (): { cpu: number; count: number; ms: number } => ({
    cpu: cpuSeconds(),
    count: receiver.count,
    ms: performance.now(),
  })
  const begun = at()
  receiver.open()
  await receiver.arrived(total * FROM)
  const warm = at()
  await receiver.arrived(total * TO)
  const end = at()
  await receiver.arrived(total)
  const cpuOf = (one: typeof begun, other: typeof begun): number =>
    ((other.cpu - one.cpu) * 1e6) / (other.count - one.count)
  return {
    perSecond: ((end.count - warm.count) * 1_000) / (end.ms - warm.ms),
    cpuUs: cpuOf(warm, end),
    coldCpuUs: cpuOf(begun, warm),
    idleCores,
    isCapped,
  }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
