import { DdlNotes } from '../../src/flow/reading/ddl-notes.ts'
/**
 * One reader in a process of its own, so that its time and memory are its own:
 * `node test/bench/reader.ts MODE URL FILE OFFSET END_FILE END_OFFSET ROWS` prints a ReadResult as JSON.
 */
import { performance } from 'node:perf_hooks'
import { compileRowImages } from '../../src/sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../src/sources/mysql/binlog/rows/row-decoder.ts'
import { Watermark } from '../../src/flow/checkpoint/watermark.ts'
import { systemClock } from '../../src/model/clock.ts'
import type { SourcePosition } from '../../src/model/source/position.ts'
import { BackPressure } from '../../src/flow/back-pressure.ts'
import { SourceState } from '../../src/model/source/source-state.ts'
import { createStats } from '../../src/model/stats.ts'
import { MysqlSource } from '../../src/sources/mysql/mysql-source.ts'
import { CommitBuffer } from '../../src/flow/reading/commit-buffer.ts'
import { RuleCounters } from '../../src/flow/rule-counters.ts'
import type { InFlightJob } from '../../src/model/delivery/in-flight-job.ts'
import { GroupIntake } from '../../src/flow/reading/intake.ts'
import { Matcher } from '../../src/match/matcher.ts'
import { silentLog } from '../support/jobs.ts'
import { loadBenchRules } from './rules.ts'
import { connectionOptions, readObjects, readPackets } from './packet-reader.ts'
import type { ReadResult, Span } from './packet-reader.ts'

const [mode, url, file, offset, endFile, endOffset, expected] = process.argv.slice(2) as [string, ...string[]]
const span: Span = {
  url: url!,
  file: file!,
  offset: Number(offset),
  endFile: endFile!,
  endOffset: Number(endOffset),
}

/** From the first event on, so that connecting does not count. */
let begun = 0
let cpuBegun = process.cpuUsage()

function begin(): void {
  if (begun > 0) return
  begun = performance.now()
  cpuBegun = process.cpuUsage()
}

async function readWithBingo(rules: string): Promise<number> {
  const stats = createStats(64 * 1024 * 1024)
  const state = new SourceState()
  const abort = new AbortController()
  const ruleSet = loadBenchRules(rules)
  const backPressure = new BackPressure({
    budget: stats.budget,
    log: silentLog,
    clock: systemClock,
    sources: { pause: () => undefined, resume: () => undefined },
    waiting: stats.waiting,
  })
  const router = {
    route: (job: InFlightJob) => {
      job.end()
      backPressure.release(job)
    },
  }
  const counters = new RuleCounters(stats)
  const intake = new GroupIntake<SourcePosition>(new Matcher(ruleSet, compileRowDecoder, undefined, compileRowImages), {
    ddls: new DdlNotes(),
    lanes: 16,
    stats,
    state,
    rules: counters,
    watermark: new Watermark<SourcePosition>(null),
    log: silentLog,
    repeats: { write: () => undefined },
    buffer: new CommitBuffer(stats.budget.limitBytes, counters, router),
    backPressure,
    started: () => undefined,
    gap: () => Promise.resolve(),
  })
  const commit = intake.commit.bind(intake)
  intake.commit = (end: SourcePosition) => {
    commit(end)
    if (end.file === span.endFile && end.offset >= span.endOffset) abort.abort()
  }
  const start = intake.begin.bind(intake)
  intake.begin = (transaction) => {
    begin()
    start(transaction)
  }
  const settings = {
    ...connectionOptions(span.url),
    socketPath: undefined,
    tls: { mode: 'disable', ca: undefined, cert: undefined, key: undefined } as const,
    start: { tag: 'file', file: span.file, offset: span.offset } as const,
    serverId: 4_200_000 + (process.pid % 100_000),
    heartbeatMs: 10_000,
    connectTimeoutMs: 10_000,
    queryTimeoutMs: 10_000,
    reconnect: { minMs: 100, maxMs: 1000 },
    onGap: 'stop' as const,
    hosts: [],
  }
  const source = new MysqlSource(
    { name: 'bench', replicaName: 'bench', source: settings },
    { log: silentLog, stats, state, clock: systemClock },
    true,
  )
  await source.stream(intake, {}, null, abort.signal)
  return stats.rowsTotal
}

async function read(): Promise<number> {
  if (mode === 'packets') {
    await readPackets(span, begin)
    return Number(expected)
  }
  if (mode === 'zongji') {
    begin()
    return readObjects(span)
  }
  return readWithBingo(mode!)
}

let bytes = 0
const rows = await read()
const seconds = (performance.now() - begun) / 1000
bytes = span.endOffset - span.offset
const { user, system } = process.cpuUsage(cpuBegun)
const result: ReadResult = {
  seconds,
  cpuSeconds: (user + system) / 1e6,
  peakRssMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
  rows,
  bytes,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exit(0)
