import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { StateFile } from '../../../src/state/sqlite/state-file.ts'
import { SqliteStateStore } from '../../../src/state/sqlite/state-store.ts'
import { silentLog } from '../../support/jobs.ts'
import { describeState } from './contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-state-'))
const opened: SqliteStateStore[] = []
let files = 0

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++files}`, 'state')

function open(path: string): SqliteStateStore {
  const file = new StateFile({ path, name: 'bingo', letters: true, log: silentLog })
  const store = new SqliteStateStore(file, { exclusive: false })
  opened.push(store)
  return store
}

describe('state in memory', () => {
  describeState(() => {
    const store = new MemoryStateStore()
    return async () => store
  })
})

describe('state in a file', () => {
  describeState(() => {
    const path = newPath()
    return async () => open(path)
  })

  test('is readable by its owner only, including the files of SQLite next to it', async () => {
    const path = newPath()
    await open(path).save('a', 'x', null)
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)
  /** Counts up for ever, and prints each number once it was saved. */
  const counting = (path: string): string => `
    const { StateFile } = await import(${module('../../../src/state/sqlite/state-file.ts')})
    const { SqliteStateStore } = await import(${module('../../../src/state/sqlite/state-store.ts')})
    const log = { info() {}, warn() {}, error() {}, debug() {}, child: () => log }
    const file = new StateFile({ path: ${JSON.stringify(path)}, name: 'bingo', letters: true, log })
    const store = new SqliteStateStore(file, { exclusive: false })
    let version = (await store.load('count'))?.version ?? null
    for (;;) {
      if (!(await store.save('count', String((version ?? 0) + 1).repeat(2_000) + ':' + process.pid, version))) {
        version = (await store.load('count')).version
        continue
      }
      version = (version ?? 0) + 1
      process.stdout.write(version + '\\n')
    }`

  test('loses no answered write when its process is killed in the middle of writing', async () => {
    const path = newPath()
    for (let kill = 0; kill < 5; kill++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', counting(path)])
      let printed = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
      await once(child.stdout, 'data')
      await delay(5 + kill * 7)
      child.kill('SIGKILL')
      await once(child, 'close')
      const last = Number(printed.trimEnd().split('\n').at(-1))
      const stored = await open(path).load('count')
      expect(stored!.version).toBeGreaterThanOrEqual(last)
      expect(stored!.value.split(':')[0]).toBe(String(stored!.version).repeat(2_000))
    }
  })

  test('two processes that count up at once replace every version once', async () => {
    const path = newPath()
    const children = [0, 1].map(() => spawn(process.execPath, ['--input-type=module', '-e', counting(path)]))
    const seen: number[][] = [[], []]
    for (const [i, child] of children.entries()) {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        seen[i]!.push(...text.trimEnd().split('\n').map(Number))
      })
    }
    await expect.poll(() => seen.every((each) => each.length > 100)).toBe(true)
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map((child) => once(child, 'close')))
    const all = seen.flat()
    expect(new Set(all).size).toBe(all.length)
  }, 90_000)

  test.each([
    ['an overwritten page', (path: string) => writeFileSync(path, damaged(readFileSync(path)))],
    ['a truncated file', (path: string) => truncateSync(path, 5_000)],
  ])('is refused with words when it has %s', async (_what, damage) => {
    const path = newPath()
    const store = open(path)
    for (let i = 0; i < 50; i++) await store.save(`key ${i}`, 'x'.repeat(4_000), null)
    await opened.pop()!.close()
    damage(path)
    const refused = { code: 'BINGO_STATE_CORRUPT', retryable: false, hint: expect.stringContaining('backup') }
    const reading = async () => {
      for (let i = 0; i < 50; i++) await open(path).load(`key ${i}`)
    }
    await expect(reading()).rejects.toMatchObject(refused)
  })

  test('is refused with words when a newer BinGo wrote it', async () => {
    const path = newPath()
    await open(path).save('a', 'x', null)
    await opened.pop()!.close()
    const raw = new DatabaseSync(path)
    raw.exec('PRAGMA user_version = 99')
    raw.close()
    await expect(open(path).load('a')).rejects.toMatchObject({
      code: 'BINGO_STATE_NEWER',
      message: expect.stringContaining('format 99'),
      retryable: false,
    })
  })

  test('reports a place that cannot be written as unreachable, to be tried again', async () => {
    const store = open('/dev/null/state')
    await expect(store.save('a', 'x', null)).rejects.toMatchObject({ code: 'BINGO_STATE_UNREACHABLE', retryable: true })
  })

  test('reports a full disk as unreachable, keeps what it had, and takes more once there is room', async () => {
    const path = newPath()
    const file = new StateFile({ path, name: 'bingo', letters: true, log: silentLog })
    const store = new SqliteStateStore(file, { exclusive: false })
    await store.save('a', 'one', null)
    const database = await file.open()
    const pages = database.prepare('PRAGMA page_count').get()!['page_count'] as number
    // SQLite answers a file that may not grow as it answers a disk that is full (SQLITE_FULL).
    database.exec(`PRAGMA max_page_count = ${pages}`)
    const refused = { code: 'BINGO_STATE_UNREACHABLE', retryable: true }
    await expect(store.save('a', 'x'.repeat(100_000), 1)).rejects.toMatchObject(refused)
    expect(await store.load('a')).toEqual({ value: 'one', version: 1 })
    database.exec('PRAGMA max_page_count = 1000000')
    expect(await store.save('a', 'x'.repeat(100_000), 1)).toBe(true)
    await store.close()
  })

  test('can be read by the tools of SQLite while it is open', async () => {
    const path = newPath()
    await open(path).save('a', 'x', null)
    const script = `const { DatabaseSync } = require('node:sqlite')
      console.log(new DatabaseSync(${JSON.stringify(path)}, { readOnly: true }).prepare('SELECT value FROM state').get().value)`
    expect(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout.trim()).toBe('x')
  })
})

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  // Pages begin every 4096 bytes; the first one stays, so that it is still a database.
  for (let page = 1; page * 4_096 < copy.length; page++) copy.fill(0xff, page * 4_096, page * 4_096 + 64)
  return copy
}
