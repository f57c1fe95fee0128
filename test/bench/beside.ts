/**
 * This tree beside another one, reading the same binlog in turn: `node test/bench/beside.ts OTHER_TREE [MODE] [RUNS]` prints
 * the CPU seconds of each run. Two runs of `npm run bench` compare servers, data and the machine's mood as well.
 */
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createTable, insertRows, updateRows } from './dataset.ts'
import { binlogEnd } from './latency.ts'
import type { ReadResult } from './packet-reader.ts'
import { median } from './percentiles.ts'
import { startServers } from './servers.ts'

const ROWS = 300_000
const HERE = fileURLToPath(new URL('../..', import.meta.url))

const [other, mode = 'two-columns-none', runs = '5'] = process.argv.slice(2)
if (other === undefined) throw new Error('usage: node test/bench/beside.ts OTHER_TREE [MODE of reader.ts] [RUNS]')
const trees = [resolve(other), HERE]

await using servers = await startServers()
const { sql } = servers
await createTable(sql)
await sql.query('FLUSH BINARY LOGS')
const from = await binlogEnd(sql)
await insertRows(sql, ROWS)
await updateRows(sql, ROWS)
const end = await binlogEnd(sql)
const span = [sql.url, from.file, from.offset, end.file, end.offset, ROWS * 2].map(String)

const seconds = trees.map((): number[] => [])
for (let i = 0; i < Number(runs); i++) {
  for (const [at, tree] of trees.entries()) {
    const args = [join(tree, 'test/bench/reader.ts'), mode, ...span]
    const { stdout } = await promisify(execFile)(join(tree, 'node_modules/.bin/node'), args)
    seconds[at]!.push((JSON.parse(stdout.trim().split('\n').at(-1)!) as ReadResult).cpuSeconds)
  }
}
for (const [at, tree] of trees.entries()) {
  const each = seconds[at]!.map((value) => value.toFixed(2)).join(' ')
  console.log(`${tree}: median ${median(seconds[at]!).toFixed(3)} CPU s (${each})`)
}
