/**
 * `npm run bench -- [--rows 500000] [--only a,b,c,d,e,f,g] [--targets REGEXP] [--repeats 3] [--seconds 5] [--json]`
 * Starts its servers, measures, prints one table. Every figure stands beside its baseline of the same run.
 */
import { parseArgs } from 'node:util'
import { endToEnd } from './end-to-end.ts'
import { latency } from './latency.ts'
import { reading } from './reading.ts'
import { machine, printJson, printTable } from './report.ts'
import type { Row } from './report.ts'
import { startServers } from './servers.ts'
import { targets } from './targets.ts'
import { webhooks } from './webhooks.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '500000' },
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    rates: { type: 'string', default: '100,1000,5000' },
    only: { type: 'string', default: 'a,b,c,d,e,f,g' },
    targets: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})
// What users run is the build, so that is what is measured.
process.env['BINGO_TEST_DIST'] ??= '1'
const rows = Number(values.rows)
const wanted = new Set(values.only.split(','))
const results: Row[] = []

await using servers = await startServers()
const { sql, redis } = servers
console.error(`${machine()}; MySQL ${sql.version} and Redis on the same machine`)
if (wanted.has('a') || wanted.has('d')) results.push(...(await reading(sql, rows, Number(values.repeats))))
if (wanted.has('b') || wanted.has('f')) results.push(...(await endToEnd(sql, redis, rows * 2)))
if (wanted.has('c')) {
  const rates = values.rates.split(',').map(Number)
  results.push(...(await latency(sql, redis, rates, Number(values.seconds))))
}
if (wanted.has('e')) results.push(...(await webhooks(sql, Math.min(rows, 20_000))))
if (wanted.has('g')) results.push(...(await targets(sql, new RegExp(values.targets))))

if (values.json) printJson(results)
else printTable(results)
