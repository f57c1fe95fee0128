import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import type { SqlServer } from '../support/servers/mysql.ts'
import { SmallDisk } from '../support/small-disk.ts'
import { judge } from './checker.ts'
import { wholeLines } from './targets/http.ts'
import { CountedLoad } from './targets/load.ts'
import { arrivalOfJson, NOTE } from './targets/outlet.ts'

const DISK_BYTES = 16 * 1024 * 1024
const CLEAN = { lost: [], reordered: [], phantoms: [], changedIds: [] }

let mysql: SqlServer
let disk: SmallDisk
let bingo: Daemon
let load: CountedLoad

beforeAll(async () => {
  mysql = await startMysql({ gtid: true })
})
afterAll(() => mysql?.stop())
beforeEach(async () => {
  disk = await SmallDisk.create(DISK_BYTES)
  load = new CountedLoad(mysql, { changes: 1_000, rows: 100, pauseMs: 10 })
  await load.prepare()
})
afterEach(async () => {
  await bingo[Symbol.asyncDispose]()
  await disk[Symbol.asyncDispose]()
})

/** Rows with an even number go to the log. With `failing`, the others divide by zero and go to the dead letters. */
async function start(
  env: { readonly [name: string]: string },
  { failing = false, delayed = false }: { readonly failing?: boolean; readonly delayed?: boolean } = {},
): Promise<void> {
  // Its failures are to become dead letters, however many they are.
  const more = { BINGO_BREAKER_EVENTS: 'unlimited' }
  bingo = await Daemon.prepare({ rules: '', sourceUrl: mysql.url, env: { ...more, ...env } })
  const even = rule('even', 'new.id % 2 == 0', delayed ? 'delay: 1500ms' : '')
  const odd = rule('odd', 'new.id % 2 == 1 && new.seq / (new.id - new.id) == 1')
  await writeFile(bingo.rulesFile, `rules:\n${even}${failing ? odd : ''}`)
  bingo.spawn()
  await bingo.ready()
}

function rule(id: string, filter: string, option = ''): string {
  return `  - id: ${id}
    table: fault.load
    filter: ${filter}
    ${option}
    actions: [{type: log, path: "${auditLog()}", body: ${NOTE}}]
`
}

const auditLog = (): string => join(bingo.folder, 'audit.ndjson')
const metric = async (name: string): Promise<number> => (await bingo.metric(name)) ?? 0
const reasons = async (): Promise<string> => (await bingo.get('/readyz')).text

async function verdict() {
  const arrived = wholeLines(await readFile(auditLog(), 'utf8')).map(arrivalOfJson)
  const final = [...(await load.finalState())].filter(([id]) => Number(id) % 2 === 0)
  return judge(arrived, new Map(final))
}

describe('a disk that is full', () => {
  test('under the dead-letter store: dead letters wait, are reported, and are stored once there is room', async () => {
    await start({ BINGO_DEAD_LETTERS_STORE: `file:${join(disk.folder, 'letters.db')}` }, { failing: true })
    await disk.fill(bingo.pid)
    const writing = load.run()
    await eventually('the store is named', async () => /BINGO_DEAD_LETTERS_/.test(await reasons()))
    expect(await metric('bingo_rule_dead_letters_total{rule="odd"}')).toBeLessThan(load.changes / 2)
    await writing
    await disk.free(bingo.pid)
    const lettered = () => metric('bingo_rule_dead_letters_total{rule="odd"}')
    await eventually('every odd row is there', async () => (await lettered()) === load.changes / 2)
    await eventually('every even row is delivered', async () => (await verdict()).lost.length === 0)
    await bingo.shows('bingo_in_flight_jobs', 0)
    await bingo.shows('bingo_dead_letters', load.changes / 2)
    expect(await verdict()).toMatchObject(CLEAN)
    await bingo.ready()
  })

  test('under the store of what waits: delayed events wait in memory, it is reported, and all arrive in order once there is room', async () => {
    await start({ BINGO_DEAD_LETTERS_STORE: `file:${join(disk.folder, 'state.db')}` }, { delayed: true })
    await disk.fill(bingo.pid)
    const writing = load.run()
    await eventually('the store is named', async () => /BINGO_WAITING_UNREACHABLE/.test(await reasons()))
    await writing
    await disk.free(bingo.pid)
    await eventually('everything was delivered', async () => (await verdict()).lost.length === 0)
    await eventually('nothing is under way', async () => (await metric('bingo_in_flight_jobs')) === 0)
    expect(await verdict()).toMatchObject({ ...CLEAN, duplicates: 0 })
    await bingo.ready()
  })

  test('under the checkpoint: delivery continues, the failure is reported, and a crash replays what was not saved', async () => {
    await start({ BINGO_CHECKPOINT_STORE: `file:${join(disk.folder, 'checkpoint')}` })
    await disk.fill(bingo.pid)
    await load.run()
    await eventually('the store is named', async () => /BINGO_CHECKPOINT/.test(await reasons()))
    await eventually('everything was delivered', async () => (await verdict()).lost.length === 0)
    await bingo.stop('SIGKILL')
    await disk.free(process.pid)
    bingo.spawn()
    await bingo.ready()
    await eventually('it is replayed', async () => (await verdict()).duplicates > 0)
    await eventually('it has caught up', async () => (await metric('bingo_lag_seconds')) === 0)
    expect(await verdict()).toMatchObject(CLEAN)
  })

  test('under the checkpoint at the start: it waits for room, reports it, and resumes at the checkpoint', async () => {
    await start({ BINGO_CHECKPOINT_STORE: `file:${join(disk.folder, 'checkpoint')}` })
    await bingo.stop()
    await disk.fill(process.pid)
    bingo.spawn()
    await bingo.says({ msg: 'waiting for the checkpoint store' })
    await load.run()
    await disk.free(process.pid)
    await bingo.ready()
    await eventually('everything was delivered', async () => (await verdict()).lost.length === 0)
    expect(await verdict()).toMatchObject(CLEAN)
  })
})
