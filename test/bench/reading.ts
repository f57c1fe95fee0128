import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createTable, insertRows, updateRows } from './dataset.ts'
import { binlogEnd } from './latency.ts'
import type { ReadResult, Span } from './packet-reader.ts'
import { median } from './percentiles.ts'
import type { Row } from './report.ts'
import type { SqlServer } from './servers.ts'

const READER = fileURLToPath(new URL('reader.ts', import.meta.url))
const run = promisify(execFile)

/** In a process of its own. */
export async function read(mode: string, span: Span, rows: number): Promise<ReadResult> {
  const args = [mode, span.url, span.file, span.offset, span.endFile, span.endOffset, rows].map(String)
  const { stdout } = await run(process.execPath, [READER, ...args], { maxBuffer: 64 * 1024 * 1024 })
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as ReadResult
}

/** Runs the modes in turn, `repeats` times each, so that a machine that slows down slows all of them. */
async function readInTurn(
  modes: readonly string[],
  span: Span,
  rows: number,
  repeats: number,
): Promise<Map<string, ReadResult[]>> {
  const results = new Map<string, ReadResult[]>(modes.map((mode) => [mode, []]))
  for (let i = 0; i < repeats; i++) for (const mode of modes) results.get(mode)!.push(await read(mode, span, rows))
  return results
}

/** `rows` inserts and as many updates, read from the start of the file. */
export async function reading(sql: SqlServer, rows: number, repeats: number): Promise<Row[]> {
  await createTable(sql)
  await sql.query('FLUSH BINARY LOGS')
  const from = await binlogEnd(sql)
  await insertRows(sql, rows)
  const inserted = await binlogEnd(sql)
  await updateRows(sql, rows)
  const end = await binlogEnd(sql)
  const span = { url: sql.url, file: from.file, offset: from.offset, endFile: end.file, endOffset: end.offset }
  const updates = { ...span, file: inserted.file, offset: inserted.offset }
  return [...(await readers(span, rows * 2, repeats)), ...(await ruleCounts(updates, rows, repeats))]
}

async function readers(span: Span, rows: number, repeats: number): Promise<Row[]> {
  const modes = ['packets', 'not-named', 'two-columns-none', 'two-columns', 'whole-row', 'whole-row-json', 'zongji']
  const results = await readInTurn(modes, span, rows, repeats)
  const speed = (mode: string) => median(results.get(mode)!.map((each) => rows / each.seconds))
  const cpu = (mode: string) => median(results.get(mode)!.map((each) => each.cpuSeconds))
  const rss = (mode: string) => median(results.get(mode)!.map((each) => each.peakRssMb))
  const baseline = (mode: string) => ({ baseline: { name: mode, value: speed(mode) } })
  const row = (mode: string, name: string, against: string | null): Row => ({
    section: 'a reading',
    name,
    value: speed(mode),
    unit: 'rows/s',
    ...(against === null ? {} : baseline(against)),
    note: `${cpu(mode).toFixed(2)} CPU s, ${Math.round(rss(mode))} MB`,
  })
  return [
    row('packets', 'packet reader alone', null),
    row('zongji', 'zongji to objects', 'packets'),
    row('not-named', 'BinGo, table in no rule', 'packets'),
    row('two-columns-none', 'BinGo, filter on 2 columns, no row matches', 'packets'),
    row('two-columns-none', 'BinGo, filter on 2 columns, no row matches', 'zongji'),
    row('two-columns', 'BinGo, filter on 2 columns, every row becomes a job with its key', 'packets'),
    row('two-columns', 'BinGo, filter on 2 columns, every row becomes a job with its key', 'zongji'),
    row('whole-row', 'BinGo, whole rows, every row becomes a job', 'zongji'),
    row('whole-row-json', 'BinGo, whole rows as JSON events', 'zongji'),
  ]
}

async function ruleCounts(span: Span, rows: number, repeats: number): Promise<Row[]> {
  const modes = ['one-of-1', 'one-of-10', 'one-of-100', 'one-of-1000', 'elsewhere-1000']
  const results = await readInTurn(modes, span, rows, repeats)
  const seconds = (mode: string) => median(results.get(mode)!.map((each) => each.cpuSeconds))
  return modes.map((mode) => ({
    section: 'd rules',
    name: mode.startsWith('one') ? `${mode.slice(7)} rule(s) on the table, one matches` : '1,000 rules on other tables',
    value: seconds(mode),
    unit: 'CPU s',
    baseline: { name: 'one rule', value: seconds('one-of-1') },
  }))
}
