import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { MemoryEventLog } from '../../../src/log/memory/event-log.ts'
import { SqliteEventLog } from '../../../src/log/sqlite/event-log.ts'
import { all, describeLog, record } from './contract.ts'
import type { LogSetup } from './contract.ts'

const ROOMY = { maxCount: 1e9, maxBytes: 1e12, idRetentionMs: 604_800_000 }
const folder = mkdtempSync(join(tmpdir(), 'bingo-log-'))
const opened: SqliteEventLog[] = []
let files = 0

afterEach(async () => {
  for (const log of opened.splice(0)) await log.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++files}`, 'events')

function open(path: string, { now = () => Date.now(), ...setup }: LogSetup = {}): SqliteEventLog {
  const log = new SqliteEventLog({ path, ...ROOMY, ...setup, clock: { now } })
  opened.push(log)
  return log
}

describe('an event log in memory', () => {
  describeLog(async ({ now = () => Date.now(), ...setup } = {}) => {
    return new MemoryEventLog({ ...ROOMY, ...setup, clock: { now, monotonicMs: now } })
  })
})

describe('an event log in a file', () => {
  describeLog(async (setup) => open(newPath(), setup))

  test('is readable by its owner only, and says that an answered append is on disk', async () => {
    const path = newPath()
    const log = open(path)
    await log.append([record(1)])
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(log.can).toEqual({ durability: 'fsync', sharedGroups: false, idRetentionMs: ROOMY.idRetentionMs })
  })

  test('resumes where it was after it was closed: entries, groups, ids and bounds', async () => {
    const path = newPath()
    const first = open(path)
    const places = (await first.append([record(1), record(2), record(3)])).map(({ place }) => place)
    await all(first, null, { group: 'g' })
    await first.ack('g', [places[0]!, places[2]!])
    await first.trim(places[1]!)
    await first.close()
    const again = open(path, { maxCount: 3 })
    expect((await all(again, null, { group: 'g' })).map(({ id }) => id)).toEqual(['2'])
    expect(await again.append([record(1), record(3)])).toMatchObject([{ duplicate: true }, { duplicate: true }])
    await again.append([record(4)])
    await expect(again.append([record(5)])).rejects.toMatchObject({ code: 'BINGO_LOG_FULL' })
    expect(await again.stats()).toMatchObject({ count: 3, first: places[1] })
  })

  test('writes what came in together in one transaction', async () => {
    const path = newPath()
    const log = open(path)
    await log.append([record('first')])
    const before = statSync(`${path}-wal`).size
    await Promise.all(Array.from({ length: 500 }, (_, i) => log.append([record(i)])))
    // A transaction of its own writes at least two pages of 4,096 bytes for each.
    expect(statSync(`${path}-wal`).size - before).toBeLessThan(500 * 4_096)
  })

  test('loses no answered append, and keeps its order, when its process is killed in the middle of appending', async () => {
    const path = newPath()
    const module = JSON.stringify(new URL('../../../src/log/sqlite/event-log.ts', import.meta.url).href)
    const script = `
      const { SqliteEventLog } = await import(${module})
      const log = new SqliteEventLog({ path: ${JSON.stringify(path)}, ...${JSON.stringify(ROOMY)} })
      const life = process.env.LIFE
      let n = 0
      const appending = async () => {
        for (;;) {
          const id = life + ':' + n++
          await log.append([{ id, type: 't', key: null, source: 's', payload: Buffer.alloc(500), at: n }])
          process.stdout.write(id + '\\n')
        }
      }
      for (let i = 0; i < 8; i++) void appending()`
    for (let life = 0; life < 5; life++) {
      const env = { ...process.env, LIFE: String(life) }
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env })
      let printed = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
      await once(child.stdout, 'data')
      await delay(10 + life * 13)
      child.kill('SIGKILL')
      await once(child, 'close')
      const answered = printed.slice(0, printed.lastIndexOf('\n')).split('\n')
      const log = open(path)
      const stored = (await all(log)).map(({ id }) => id).filter((id) => id.startsWith(`${life}:`))
      await log.close()
      expect(answered.filter((id) => !stored.includes(id))).toEqual([])
      const numbers = stored.map((id) => Number(id.split(':')[1]))
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
  })

  test('refuses a newer format and a corrupt file with words, and a place that cannot be written for now', async () => {
    const path = newPath()
    const log = open(path)
    await log.append(Array.from({ length: 200 }, (_, i) => record(i, { payload: Buffer.alloc(1_000) })))
    await log.close()
    const raw = new DatabaseSync(path)
    raw.exec('PRAGMA user_version = 99')
    await expect(open(path).stats()).rejects.toMatchObject({ code: 'BINGO_LOG_NEWER', retryable: false })
    raw.exec('PRAGMA user_version = 1')
    raw.close()
    truncateSync(path, readFileSync(path).length / 2)
    await expect(all(open(path))).rejects.toMatchObject({ code: 'BINGO_LOG_CORRUPT', retryable: false })
    await expect(open('/dev/null/events').append([record(1)])).rejects.toMatchObject({
      code: 'BINGO_LOG_UNREACHABLE',
      retryable: true,
    })
  })

  test('reports a file that cannot grow as a retryable error, and keeps its entries', async () => {
    const path = newPath()
    const log = open(path)
    await log.append([record(1)])
    await log.close()
    // The size of a file is limited for a process: SQLite is answered EFBIG, as it is ENOSPC by a disk that is full.
    const module = JSON.stringify(new URL('../../../src/log/sqlite/event-log.ts', import.meta.url).href)
    const script = `
      process.on('SIGXFSZ', () => undefined)
      const { SqliteEventLog } = await import(${module})
      const log = new SqliteEventLog({ path: ${JSON.stringify(path)}, ...${JSON.stringify(ROOMY)} })
      const record = (id, bytes) => ({ id, type: 't', key: null, source: 's', payload: Buffer.alloc(bytes), at: 1 })
      const large = await log.append([record('large', 4_000_000)]).then(() => 'taken', (error) => error.code + error.retryable)
      await log.append([record('small', 10)])
      console.log(large)
      await log.close()`
    const args = ['--fsize=2000000', process.execPath, '--input-type=module', '-e', script]
    const stdout = await runCommand({ command: 'prlimit', args, env: {} })
    expect(stdout.trim()).toBe('BINGO_LOG_UNREACHABLEtrue')
    expect((await all(open(path))).map(({ id }) => id)).toEqual(['1', 'small'])
  })

  test('refuses entries that arrive faster than it can write them, instead of keeping them in memory', async () => {
    const log = open(newPath())
    const payload = Buffer.alloc(1 << 20)
    const answers = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => log.append([record(i, { payload })])),
    )
    const refused = answers.filter(({ status }) => status === 'rejected')
    expect(refused.length).toBe(36)
    expect(refused[0]).toMatchObject({ reason: { code: 'BINGO_LOG_FULL', retryable: true } })
    expect(await log.stats()).toMatchObject({ count: 64 })
  })
})
