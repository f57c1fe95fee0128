import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Daemon } from '../support/daemon.ts'
import { createTable, insertRows } from './dataset.ts'
import { fillKeys, RULE, updateUntilGone } from './end-to-end.ts'
import { goProgram } from './go-program.ts'
import { binlogEnd, createTicks, measureEffects, rules } from './latency.ts'
import { percentile } from './percentiles.ts'
import { usageOf } from './process-usage.ts'
import type { Row } from './report.ts'
import type { RedisServer, SqlServer } from './servers.ts'

const SOURCE = fileURLToPath(new URL('./peers/go-mysql', import.meta.url))
const GO = 'go-mysql, cel-go, go-redis'
const RATE = 1_000

/** Something that reads the binlog in a process of its own. */
interface Reader extends AsyncDisposable {
  readonly pid: number
}

type Work = 'unlink' | 'publish'
type Start = (work: Work) => Promise<Reader>

/** The bulk change of `b` and the latency of `c` beside what a team writes by hand in Go; in turn, medians of all rounds. */
export async function besideGo(
  sql: SqlServer,
  redis: RedisServer,
  rows: number,
  repeats: number,
  seconds: number,
): Promise<Row[]> {
  const go: Start = await goReader(sql, redis)
  const bingo: Start = async (work) => {
    const env = { BINGO_REDIS_URL: redis.url }
    return Daemon.start({ rules: work === 'unlink' ? RULE : rules('0'), sourceUrl: sql.url, env })
  }
  await createTable(sql)
  await insertRows(sql, rows)
  await createTicks(sql)
  const bulks = await inTurn(repeats, [bingo, go], (start) => bulk(sql, redis, rows, start))
  let firstId = 1
  const latencies = await inTurn(repeats, [bingo, go], async (start) => {
    await using _reader = await start('publish')
    const effects = await measureEffects(sql, redis, RATE, seconds, firstId)
    firstId += RATE * seconds
    return { p50: percentile(effects, 50), p99: percentile(effects, 99), p999: percentile(effects, 99.9) }
  })
  return [
    ...rowsOf(bulks, {
      rate: ['COMMIT returned → last key gone', 'rows/s'],
      cpu: ['CPU per million rows', 's'],
      rss: ['peak RSS', 'MB'],
    }),
    ...rowsOf(latencies, {
      p50: [`${RATE} tx/s, COMMIT → effect, p50`, 'ms'],
      p99: [`${RATE} tx/s, COMMIT → effect, p99`, 'ms'],
      p999: [`${RATE} tx/s, COMMIT → effect, p99.9`, 'ms'],
    }),
  ]
}

async function bulk(sql: SqlServer, redis: RedisServer, rows: number, start: Start) {
  await fillKeys(redis, rows)
  await using reader = await start('unlink')
  await delay(1_000)
  const idle = usageOf(reader.pid)
  const { committed, done } = await updateUntilGone(sql, redis, rows)
  const used = usageOf(reader.pid)
  const cpu = ((used.cpuSeconds - idle.cpuSeconds) / rows) * 1e6
  return { rate: (rows / (done - committed)) * 1_000, cpu, rss: used.peakRssMb }
}

async function goReader(sql: SqlServer, redis: RedisServer): Promise<Start> {
  const program = await goProgram('go-mysql-peer', SOURCE)
  const { hostname, port, username, password } = new URL(sql.url)
  return async (work) => {
    const { file, offset } = await binlogEnd(sql)
    const place = [file, String(offset)]
    const args = [work, hostname, port, username, decodeURIComponent(password), `${redis.host}:${redis.port}`, ...place]
    // Its library logs on stderr.
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    const gone = once(child, 'exit')
    const ready = await Promise.race([once(child.stdout, 'data'), gone.then(() => null)])
    if (ready === null) throw new Error(`${GO}: the program ended with ${child.exitCode}`)
    return {
      pid: child.pid!,
      async [Symbol.asyncDispose]() {
        child.kill()
        await gone
      },
    }
  }
}

/** Each of the two in turn, so often. */
async function inTurn<T>(
  repeats: number,
  starts: readonly [Start, Start],
  measure: (start: Start) => Promise<T>,
): Promise<readonly [bingo: readonly T[], go: readonly T[]]> {
  const results: [T[], T[]] = [[], []]
  for (let round = 0; round < repeats; round++) {
    for (const [i, start] of starts.entries()) results[i]!.push(await measure(start))
  }
  return results
}

/** Medians, BinGo's beside the other's. */
function rowsOf<K extends string>(
  [bingo, go]: readonly [readonly Record<K, number>[], readonly Record<K, number>[]],
  names: Record<K, readonly [name: string, unit: string]>,
): Row[] {
  return (Object.keys(names) as K[]).map((key) => {
    const [name, unit] = names[key]
    const median = (runs: readonly Record<K, number>[]): number =>
      percentile(
        runs.map((run) => run[key]),
        50,
      )
    return { section: 's', name, value: median(bingo), unit, baseline: { name: GO, value: median(go) } }
  })
}
