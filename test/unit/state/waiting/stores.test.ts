import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { WaitingRecord, WaitingStore } from '../../../../src/model/delivery/waiting.ts'
import { openDeadLetterStore, openWaitingStore } from '../../../../src/state/open.ts'
import { StateFile } from '../../../../src/state/sqlite/state-file.ts'
import { MemoryWaitingStore } from '../../../../src/state/waiting/memory-store.ts'
import { SqliteWaitingStore } from '../../../../src/state/waiting/sqlite/store.ts'
import { silentLog } from '../../../support/jobs.ts'
import { letter, listed, ROOMY } from '../dead-letters/contract.ts'
import { describeWaiting, ids, record } from './contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-waiting-'))
const opened: WaitingStore[] = []
let files = 0

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const newPath = (): string => join(folder, `${++files}`, 'state')

function inFile(path: string): SqliteWaitingStore {
  const store = new SqliteWaitingStore(new StateFile({ path, name: 'bingo', letters: true, log: silentLog }))
  opened.push(store)
  return store
}

describe('waiting events in memory', () => {
  describeWaiting(() => {
    const store = new MemoryWaitingStore()
    return async () => store
  })
})

describe('waiting events in a file', () => {
  describeWaiting(() => {
    const path = newPath()
    return async () => inFile(path)
  })

  test('survive a process that is killed right after add has resolved', async () => {
    const path = newPath()
    const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href)
    const script = `
      const { SqliteWaitingStore } = await import(${module('../../../../src/state/waiting/sqlite/store.ts')})
      const { StateFile } = await import(${module('../../../../src/state/sqlite/state-file.ts')})
      const log = { info() {}, warn() {}, error() {}, debug() {}, child: () => log }
      const store = new SqliteWaitingStore(new StateFile({ path: ${JSON.stringify(path)}, name: 'bingo', letters: true, log }))
      await store.add([${JSON.stringify(record(1))}, ${JSON.stringify(record(2))}])
      process.kill(process.pid, 'SIGKILL')`
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(child.signal).toBe('SIGKILL')
    expect(await ids(inFile(path))).toEqual([1, 2])
  })

  test('add nothing of a call that fails, and go on afterwards', async () => {
    const store = inFile(newPath())
    const bad = { ...record(2, { line: 'spool/new' }), event: null as unknown as string }
    await expect(store.add([record(1, { line: 'spool/new' }), bad])).rejects.toMatchObject({
      code: 'BINGO_WAITING_UNREACHABLE',
      retryable: true,
    })
    expect(await store.lines()).toEqual([])
    await store.add([record(1, { line: 'spool/new' })])
    expect(await ids(store, 'spool/new')).toEqual([1])
  })

  test('that another program spoiled are refused with the name of the file', async () => {
    const path = newPath()
    const store = inFile(path)
    await store.add([record(1)])
    for (const [body, fault] of [
      ['{', 'it is not JSON'],
      ['{}', 'ruleId is not a text'],
    ]) {
      const raw = new DatabaseSync(path)
      raw.exec(`UPDATE waiting_shapes SET body = '${body}'`)
      raw.close()
      await expect(inFile(path).page('spool/crm', 0, 1)).rejects.toMatchObject({
        code: 'BINGO_WAITING_CORRUPT',
        message: expect.stringMatching(new RegExp(`${path}.* is corrupt: ${fault}`)),
      })
    }
  })
})

test('a state file of the version before keeps its dead letters and can hold waiting events', async () => {
  const path = newPath()
  const settings = { name: 'bingo', checkpoint: `file:${path}`, deadLetters: undefined, log: silentLog }
  const letters = await openDeadLetterStore(settings, ROOMY)
  await letters.add([letter(1)])
  await letters.close()
  const raw = new DatabaseSync(path)
  const tables = ['', '_blocks', '_gone', '_ids', '_lines', '_shapes', '_keyed', '_next']
  for (const table of tables) raw.exec(`DROP TABLE waiting${table}`)
  raw.exec('PRAGMA user_version = 3')
  raw.close()
  const store = await openWaitingStore(settings)
  opened.push(store)
  await store.add([record(1)])
  expect(await ids(store)).toEqual([1])
  const again = await openDeadLetterStore(settings, ROOMY)
  expect(await listed(again)).toEqual(['1'])
  await again.close()
})

/** As versions before the blocks wrote all of them: each is a row of its own, which what is added again is still. */
async function addRows(store: WaitingStore, records: readonly WaitingRecord[]): Promise<void> {
  await store.add(records)
  await store.add(records)
}

const NEW_IN_6 = 'DROP TABLE waiting_blocks; DROP TABLE waiting_gone; DROP TABLE waiting_ids;'

test('what waits in a state file of version 5 stays ahead of what comes now, and may come again', async () => {
  const path = newPath()
  const before = inFile(path)
  await addRows(
    before,
    [1, 2, 3].map((number) => record(number)),
  )
  await before.close()
  const raw = new DatabaseSync(path)
  raw.exec(`${NEW_IN_6} PRAGMA user_version = 5`)
  raw.close()
  const store = inFile(path)
  await store.add([4, 5].map((number) => record(number)))
  expect(await ids(store)).toEqual([1, 2, 3, 4, 5])
  await store.add([record(2), record(4)])
  expect(await ids(store)).toEqual([1, 3, 5, 2, 4])
  expect((await store.lines())[0]).toMatchObject({ count: 5, oldestMs: 1_001 })
})

test('delayed events of a state file of version 4 are found by their row', async () => {
  const path = newPath()
  const delayed = (number: number): WaitingRecord => record(number, { line: 'delay/rule', rowKey: 'row' })
  const before = inFile(path)
  await addRows(before, [delayed(1), delayed(2)])
  await before.close()
  const raw = new DatabaseSync(path)
  raw.exec(`${NEW_IN_6} UPDATE waiting SET keyed = 1; DROP TABLE waiting_keyed; PRAGMA user_version = 4`)
  raw.close()
  const store = inFile(path)
  await store.add([delayed(3), record(4, { rowKey: 'row' })])
  expect((await store.ofKey('delay/rule', 'row')).map(({ id }) => id)).toEqual([1, 2, 3].map((i) => record(i).id))
  expect(await ids(store)).toEqual([4])
})

test.each([
  ['among rows', addRows],
  ['among blocks', (store: WaitingStore, records: readonly WaitingRecord[]) => store.add(records)],
] as const)('a kill while keys are looked up first %s leaves nothing out', async (_, addAll) => {
  const path = newPath()
  const store = inFile(path)
  await addAll(store, [record(1), record(2)])
  await store.close()
  // As it is when the process ends between two transactions.
  const raw = new DatabaseSync(path)
  raw.exec(`INSERT INTO waiting_keyed SELECT id, 0 FROM waiting_lines;
    UPDATE waiting SET keyed = 1 WHERE seq = (SELECT min(seq) FROM waiting)`)
  raw.close()
  const again = inFile(path)
  expect(await again.ofKey('spool/crm', record(2).rowKey)).toHaveLength(1)
  await again.add([record(3)])
  expect(await again.ofKey('spool/crm', record(3).rowKey)).toHaveLength(1)
  expect(await ids(again)).toEqual([1, 2, 3])
})

test('waiting events are kept where the dead letters are', async () => {
  const settings = { name: 'bingo', checkpoint: 'memory:', deadLetters: 'memory:', log: silentLog }
  expect((await openWaitingStore(settings)).description).toBe('memory')
  await expect(openWaitingStore({ ...settings, deadLetters: 'nonsense' })).rejects.toMatchObject({
    code: 'BINGO_DEAD_LETTERS_STORE_INVALID',
  })
})
