/**
 * `npm run chart` draws docs/charts/*.svg from docs/charts/bench.json. `npm run chart -- RUN.json …` takes the figures of
 * benchmark runs (`npm run -s bench -- --json > RUN.json`) into bench.json before.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { figure, gather } from './chart-data.ts'
import type { ChartData, Run } from './chart-data.ts'
import { barChart } from './chart-svg.ts'
import type { Bar } from './chart-svg.ts'

const FOLDER = new URL('../../docs/charts/', import.meta.url)

/** The files of docs/charts/, by name, as they have to be. */
export function charts(data: ChartData): ReadonlyMap<string, string> {
  const bar = (of: Bar['of'], label: string, name: string): Bar => ({ of, label, ...figure(data, name) })
  const taken = `${data.machine}, ${data.date}. Pale: lowest to highest run.`
  const percentiles = ['p50', 'p99', 'p99.9'].flatMap((percentile): Bar[] => {
    const { low, high, baseline } = figure(data, `window 0, 1000 tx/s, ${percentile}`)
    return [
      { of: 'bingo', label: `${percentile}, BinGo, effect in Redis`, low, high },
      { of: 'baseline', label: `${percentile}, bare reader, no effect`, ...baseline! },
    ]
  })
  return new Map([
    [
      'throughput.svg',
      barChart({
        title: 'Reading the binlog: million rows per second (longer is better)',
        caption: taken,
        unit: 'M',
        scale: 1e6,
        bars: [
          bar('bingo', 'BinGo, table in no rule', 'BinGo, table in no rule'),
          bar('baseline', 'bare packets, nothing decoded', 'packet reader alone'),
          bar('bingo', 'BinGo, filter, no row matches', 'BinGo, filter on 2 columns, no row matches'),
          bar(
            'bingo',
            'BinGo, filter, every row matches',
            'BinGo, filter on 2 columns, every row becomes a job with its key',
          ),
          bar('bingo', 'BinGo, whole rows, every row matches', 'BinGo, whole rows, every row becomes a job'),
          bar('baseline', 'zongji, rows as objects, no rules', 'zongji to objects'),
        ],
      }),
    ],
    [
      'latency.svg',
      barChart({
        title: 'COMMIT to effect at 1,000 transactions/s: milliseconds (shorter is better)',
        caption: taken,
        unit: 'ms',
        scale: 1,
        bars: percentiles,
      }),
    ],
  ])
}

if (import.meta.main) {
  const runs = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')) as Run)
  const stored = new URL('bench.json', FOLDER)
  if (runs.length > 0) {
    const data = gather(runs, new Date().toISOString().slice(0, 10))
    writeFileSync(stored, `${JSON.stringify(data, null, 2)}\n`)
  }
  const data = JSON.parse(readFileSync(stored, 'utf8')) as ChartData
  for (const [name, svg] of charts(data)) writeFileSync(new URL(name, FOLDER), svg)
}
