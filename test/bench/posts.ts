import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { Daemon } from '../support/daemon.ts'
import { KeepAlive } from './keep-alive.ts'
import { percentile } from './percentiles.ts'
import { usageOf } from './process-usage.ts'
import { rowsIn } from './report.ts'
import type { Row } from './report.ts'
import type { RedisServer } from './servers.ts'

const row = rowsIn('m')

const RULE =
  'rules: [{id: posted, on: bench.posted, actions: [{type: redis, cmd: PUBLISH, channel: posted, message: "{{key}}"}]}]'
const PATH = '/api/v1/events'
/** Events in one post, of which a client has several. */
const BULKS = [10, 100]
/** Posts under way at the same time, one per connection. */
const CONNECTIONS = 64
const RATE = 1_000
const TEXT = 'x'.repeat(200)

/** Servers that take the same posts and do less with them. */
const BARE = {
  node: 'node:http alone',
  sqlite: 'node:http, and the same rows in groups, synced',
  hono: 'hono alone',
} as const
const BARE_SERVER = fileURLToPath(new URL('post-server.ts', import.meta.url))
/** Rules on other events, and on these. */
const RULES = { 'no rule matches': RULE.replace('bench.posted', 'bench.other'), 'a rule matches': RULE } as const

interface Pace {
  readonly perSecond: number
  /** Of the server and of this process, for each post. */
  readonly serverUs: number
  readonly clientUs: number
}

/** Posts of one event over HTTP to a daemon with SQLite, which syncs to disk before it answers; beside servers that do less. */
export async function posts(redis: RedisServer, events: number, seconds: number): Promise<Row[]> {
  const rows: Row[] = []
  for (const kind of ['node', 'hono'] as const) rows.push(...paceRows(BARE[kind], await paceOfBare(kind, events)))
  const bare = await paceOfBare('sqlite', events)
  rows.push(...paceRows(BARE.sqlite, bare))
  for (const [name, rules] of Object.entries(RULES)) {
    await using bingo = await started(rules, redis)
    rows.push(...paceRows(`BinGo, ${name}`, await pace(bingo.adminPort, bingo.pid, events), bare))
    if (rules === RULE) rows.push(...(await atRate(bingo, redis, seconds)))
    else for (const size of BULKS) rows.push(await bulk(bingo.adminPort, size, events))
  }
  return [...rows, ...(await bareAtRate(seconds))]
}

function started(rules: string, redis: RedisServer): Promise<Daemon> {
  const env = { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_REDIS_URL: redis.url }
  return Daemon.start({ rules, sourceUrl: '', env })
}

async function withBare<T>(kind: keyof typeof BARE, use: (port: number, pid: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'bingo-bare-'))
  const child = spawn(process.execPath, [BARE_SERVER, kind, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'exit')
  try {
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    return await use(Number(port.toString()), child.pid!)
  } finally {
    child.kill()
    await gone
    await rm(folder, { recursive: true })
  }
}

function paceOfBare(kind: keyof typeof BARE, events: number): Promise<Pace> {
  return withBare(kind, (port, pid) => pace(port, pid, events))
}

async function pace(port: number, pid: number, events: number): Promise<Pace> {
  const http = await KeepAlive.open(port, CONNECTIONS)
  try {
    // On both sides all go once before, and the second time counts, as with targets: code is not optimised at first.
    await asFastAsPossible(http, 'w', events)
    const before = { server: usageOf(pid).cpuSeconds, client: process.cpuUsage(), at: performance.now() }
    await asFastAsPossible(http, 'f', events)
    const seconds = (performance.now() - before.at) / 1_000
    const { user, system } = process.cpuUsage(before.client)
    const serverUs = ((usageOf(pid).cpuSeconds - before.server) * 1e6) / events
    return { perSecond: events / seconds, serverUs, clientUs: (user + system) / events }
  } finally {
    http.close()
  }
}

function asFastAsPossible(http: KeepAlive, prefix: string, events: number): Promise<void> {
  return byAll(events, (number) => post(http, `${prefix}-${number}`))
}

/** Each connection takes the next number when it is done with one. */
async function byAll(count: number, send: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await send(next++)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
}

async function bulk(port: number, size: number, events: number): Promise<Row> {
  const http = await KeepAlive.open(port, CONNECTIONS)
  try {
    const all = (prefix: string) => (number: number) => {
      const some = Array.from({ length: size }, (_, i) => eventOf(`${prefix}${size}-${number}-${i}`))
      return http.post(`${PATH}/bulk`, JSON.stringify({ events: some }))
    }
    await byAll(events / size, all('w'))
    const startedAt = performance.now()
    await byAll(events / size, all('f'))
    const perSecond = events / ((performance.now() - startedAt) / 1_000)
    return row(`${CONNECTIONS} posts of ${size} events at a time: BinGo, no rule matches`, perSecond, 'events/s')
  } finally {
    http.close()
  }
}

function paceRows(name: string, { perSecond, serverUs, clientUs }: Pace, bare?: Pace): Row[] {
  const beside = (value: keyof Pace) =>
    bare === undefined ? {} : { baseline: { name: BARE.sqlite, value: bare[value] } }
  const client = `the client takes ${clientUs.toFixed(0)} us of its own`
  return [
    { ...row(`${CONNECTIONS} posts at a time: ${name}`, perSecond, 'events/s'), ...beside('perSecond'), note: client },
    { ...row('processor time of the server', serverUs, 'us/event'), ...beside('serverUs') },
  ]
}

/** What the disk and the machine make of it. */
function bareAtRate(seconds: number): Promise<Row[]> {
  return withBare('sqlite', async (port) => {
    const http = await KeepAlive.open(port, CONNECTIONS)
    try {
      const { answeredMs } = await postAtRate(http, 'b', seconds)
      return latencyRows(`post → 200 of ${BARE.sqlite}`, answeredMs)
    } finally {
      http.close()
    }
  })
}

async function atRate(bingo: Daemon, redis: RedisServer, seconds: number): Promise<Row[]> {
  const http = await KeepAlive.open(bingo.adminPort, CONNECTIONS)
  const subscriber = new Redis(redis.port, redis.host)
  const arrived = new Map<string, number>()
  await subscriber.subscribe('posted')
  subscriber.on('message', (_channel, key) => arrived.set(key, performance.now()))
  try {
    const { sent, answeredMs } = await postAtRate(http, 'r', seconds)
    while (![...sent.keys()].every((key) => arrived.has(key))) await delay(10)
    const effectMs = [...sent].map(([key, at]) => arrived.get(key)! - at)
    return [...latencyRows('post → 200', answeredMs), ...latencyRows('post → Redis', effectMs)]
  } finally {
    subscriber.disconnect()
    http.close()
  }
}

/** Posts that begin at fixed times, however long others take. */
async function postAtRate(http: KeepAlive, prefix: string, seconds: number) {
  const sent = new Map<string, number>()
  const answeredMs: number[] = []
  const begun = performance.now()
  const underWay: Promise<void>[] = []
  for (let number = 0; number < RATE * seconds; number++) {
    const waitMs = begun + (number / RATE) * 1_000 - performance.now()
    if (waitMs > 1) await delay(waitMs)
    const [key, at] = [`${prefix}-${number}`, performance.now()]
    sent.set(key, at)
    underWay.push(post(http, key).then(() => void answeredMs.push(performance.now() - at)))
  }
  await Promise.all(underWay)
  return { sent, answeredMs }
}

function latencyRows(name: string, samplesMs: readonly number[]): Row[] {
  return [50, 99].map((percent) => row(`${RATE} posts/s, ${name}, p${percent}`, percentile(samplesMs, percent), 'ms'))
}

async function post(http: KeepAlive, key: string): Promise<void> {
  await http.post(PATH, JSON.stringify({ event: eventOf(key) }))
}

function eventOf(key: string) {
  return { type: 'bench.posted', key, payload: { text: TEXT } }
}
