import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { NODE_ENVIRONMENT, TAIL_FLAGS } from '../../src/model/node-runtime.ts'
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts'
import { mainFile } from '../support/main-file.ts'
import { createTable, insertRows, TABLE, updateRows } from './dataset.ts'
import { binlogEnd } from './latency.ts'
import { usageOf, type ProcessUsage } from './process-usage.ts'
import { read } from './reading.ts'
import type { Row } from './report.ts'
import type { SqlServer } from './servers.ts'

const LOOK_MS = 50

/** `bingo tail` of updated rows into a pipe that is read as fast as it goes, beside the packet reader alone. */
export async function tail(sql: SqlServer, rows: number): Promise<Row[]> {
  await createTable(sql)
  await insertRows(sql, rows)
  const from = await binlogEnd(sql)
  // Its line says that reading has begun: the process has started, and the connection stands.
  await sql.query(`UPDATE ${TABLE} SET age = age + 1 WHERE id = 1`)
  await updateRows(sql, rows)
  const end = await binlogEnd(sql)
  const span = { url: sql.url, file: from.file, offset: from.offset, endFile: end.file, endOffset: end.offset }
  const packets = await read('packets', span, rows)
  const { seconds, cpuSeconds, peakRssMb } = await tailed(sql.url, `${from.file}:${from.offset}`)
  const baseline = { name: 'packet reader alone', value: rows / packets.seconds }
  const note = `${((cpuSeconds / rows) * 1e6).toFixed(2)} CPU µs a row, ${Math.round(peakRssMb)} MB`
  return [{ section: 'g targets', name: 'tail to a pipe', value: rows / seconds, unit: 'rows/s', baseline, note }]
}

/** From the first line to the last. */
async function tailed(url: string, from: string): Promise<{ seconds: number; cpuSeconds: number; peakRssMb: number }> {
  const args = [...TAIL_FLAGS, mainFile(), 'tail', '--from', from, '--until-idle', '1s']
  const child = spawn(process.execPath, args, {
    env: { ...CHILD_ENVIRONMENT, ...NODE_ENVIRONMENT, BINGO_SOURCE_URL: url } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const pid = child.pid!
  let begun: { readonly ms: number; readonly usage: ProcessUsage } | null = null
  let endedMs = 0
  let last = usageOf(pid)
  const looking = setInterval(() => {
    if (child.exitCode === null) last = usageOf(pid)
  }, LOOK_MS)
  child.stdout.on('data', () => {
    endedMs = performance.now()
    begun ??= { ms: endedMs, usage: usageOf(pid) }
  })
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(looking)
  const first = begun as { readonly ms: number; readonly usage: ProcessUsage } | null
  if (code !== 0 || first === null) throw new Error(`bingo tail ended with ${code}`)
  return {
    seconds: (endedMs - first.ms) / 1_000,
    cpuSeconds: last.cpuSeconds - first.usage.cpuSeconds,
    peakRssMb: last.peakRssMb,
  }
}
