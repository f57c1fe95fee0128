import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Daemon } from '../support/daemon.ts'
import { createTable, insertRows, updateRows } from './dataset.ts'
import { usageOf } from './process-usage.ts'
import type { Row } from './report.ts'
import type { SqlServer } from './servers.ts'

const SECTION = 'u log'
const LOOK_MS = 250

/** One UPDATE of all rows in one transaction, each as a whole event into a file: what the daemon takes of memory after a tenth, and at most. */
export async function logMemory(sql: SqlServer, rows: number): Promise<Row[]> {
  await createTable(sql)
  await insertRows(sql, rows)
  const folder = await mkdtemp(join(tmpdir(), 'bingo-bench-'))
  try {
    const action = `{type: log, path: "${join(folder, 'events')}", format: event}`
    await using bingo = await Daemon.start({
      rules: `rules:\n  - {id: bench, table: shop.big, events: [UPDATE], actions: [${action}]}\n`,
      sourceUrl: sql.url,
    })
    const idle = usageOf(bingo.pid)
    await updateRows(sql, rows, true)
    const committed = performance.now()
    let tenth = 0
    for (let done = 0; done < rows;) {
      await bingo.mustRun()
      await delay(LOOK_MS)
      // A daemon that is busy may close the connection in between.
      done = (await bingo.metric('bingo_rule_delivered_total{rule="bench"}').catch(() => undefined)) ?? done
      if (tenth === 0 && done >= rows / 10) tenth = usageOf(bingo.pid).peakRssMb
    }
    const seconds = (performance.now() - committed) / 1_000
    const { cpuSeconds, peakRssMb } = usageOf(bingo.pid)
    const cpu = (((cpuSeconds - idle.cpuSeconds) / rows) * 1e6).toFixed(1)
    const baseline = { name: 'after a tenth', value: tenth }
    return [
      { section: SECTION, name: `${rows} rows in one transaction, peak RSS`, value: peakRssMb, unit: 'MB', baseline },
      {
        section: SECTION,
        name: 'whole events to a file',
        value: rows / seconds,
        unit: 'rows/s',
        note: `${cpu} CPU µs a row`,
      },
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}
