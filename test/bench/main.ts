/**
 * `npm run bench`; `--help` tells its options. Starts its servers, measures, prints one table. Every figure stands beside its baseline of the same run.
 */
import { parseArgs } from 'node:util'
import { besideDebezium } from './beside-debezium.ts'
import { besideGo } from './beside-go.ts'
import { endToEnd } from './end-to-end.ts'
import { eventStores } from './event-stores.ts'
import { eventStore } from './event-store.ts'
import { latency } from './latency.ts'
import { logMemory } from './log-memory.ts'
import { outboxLatency } from './outbox-latency.ts'
import { outboxWriters } from './outbox-writers.ts'
import { posts } from './posts.ts'
import { queues } from './queues.ts'
import { reading } from './reading.ts'
import { patterns } from './patterns.ts'
import { machine, printJson, printTable } from './report.ts'
import type { Row } from './report.ts'
import { sagaWaiting } from './saga-waiting.ts'
import { sagas } from './sagas.ts'
import { startServers } from './servers.ts'
import { tail } from './tail.ts'
import { targets } from './targets.ts'
import { waiting } from './waiting.ts'
import { waitingMemory } from './waiting-memory.ts'
import { webhooks } from './webhooks.ts'
import { workers } from './workers.ts'

const HELP = `npm run bench -- [options]

  --only LETTERS     a to u by comma: a, d reading and rules; b, f end to end and start; c latency; e webhooks; g targets, tail;
                     h stores of posted events; i patterns of rules on events; j event store; k events that wait;
                     l memory while --rows events wait (not by default); m posts over HTTP; n reader and workers
                     (not by default); o sagas, and --rows of them that wait (not by default);
                     p outbox: COMMIT to Kafka beside Debezium and polling (not by default; needs Java, Maven, Go);
                     q what an outbox costs its writers (not by default);
                     r the library's broker beside bare SQLite, pg-boss and BullMQ (not by default);
                     s bulk change and latency beside go-mysql, cel-go and go-redis (not by default; needs Go);
                     t rows to Kafka beside Debezium (not by default; needs Java, Maven);
                     u memory while --rows of one transaction go to a file (not by default)
  --rows N           rows that are inserted and updated (500000)
  --repeats N        runs of each reader, of which the median counts; rounds of p and q (3)
  --seconds N        length of each latency run, of each slice of p and q (5)
  --rates N,N        transactions per second for the latency (100,1000,5000)
  --targets REGEXP   which targets, which stores of events, which event stores of j, which relays of p
  --json             machine-readable`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    rows: { type: 'string', default: '500000' },
    repeats: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    rates: { type: 'string', default: '100,1000,5000' },
    only: { type: 'string', default: 'a,b,c,d,e,f,g,h,i,k,m' },
    targets: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
// What users run is the build, so that is what is measured.
process.env['BINGO_TEST_DIST'] ??= '1'
const rows = Number(values.rows)
const wanted = new Set(values.only.split(','))
const named = new RegExp(values.targets, 'i')
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
if (wanted.has('g')) {
  results.push(...(await targets(sql, named)))
  if (named.test('tail')) results.push(...(await tail(sql, rows)))
}
if (wanted.has('h')) results.push(...(await eventStores(Math.min(rows, 100_000), Number(values.repeats), named)))
if (wanted.has('i')) results.push(...patterns(Math.min(rows, 100_000), Number(values.repeats)))
if (wanted.has('j')) results.push(...(await eventStore(Math.min(rows, 20_000), Number(values.repeats), sql, named)))
if (wanted.has('k')) results.push(...(await waiting(Math.min(rows, 100_000), Number(values.repeats))))
if (wanted.has('l')) results.push(...(await waitingMemory(sql, redis, rows)))
if (wanted.has('m')) results.push(...(await posts(redis, Math.min(rows, 50_000), Number(values.seconds))))

if (wanted.has('n')) results.push(...(await workers(sql, redis, Math.min(rows, 20_000))))
if (wanted.has('o')) results.push(...(await sagas(Number(values.repeats))), ...(await sagaWaiting(rows)))
if (wanted.has('p')) {
  results.push(...(await outboxLatency(Number(values.seconds), Number(values.repeats), named)))
}
if (wanted.has('q')) results.push(...(await outboxWriters(Number(values.seconds), Number(values.repeats))))
if (wanted.has('r')) {
  results.push(...(await queues(Math.min(rows, 20_000), Number(values.repeats), Number(values.seconds))))
}
if (wanted.has('s')) {
  results.push(...(await besideGo(sql, redis, rows * 2, Number(values.repeats), Number(values.seconds))))
}
if (wanted.has('t')) results.push(...(await besideDebezium(sql, Math.min(rows, 300_000), Number(values.repeats))))
if (wanted.has('u')) results.push(...(await logMemory(sql, rows)))

if (results.length === 0) {
  console.error('nothing was measured: see --only and --targets')
  process.exitCode = 2
}
if (values.json) printJson(results)
else printTable(results)
