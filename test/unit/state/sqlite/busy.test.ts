import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SqliteDeadLetterStore } from '../../../../src/state/dead-letters/sqlite-store.ts'
import { SqliteSagaStore } from '../../../../src/state/sagas/sqlite-store.ts'
import { StateFile } from '../../../../src/state/sqlite/state-file.ts'
import { SqliteStateStore } from '../../../../src/state/sqlite/state-store.ts'
import { SqliteWaitingStore } from '../../../../src/state/waiting/sqlite/store.ts'
import { silentLog } from '../../../support/jobs.ts'
import { add, sagaInstance } from '../../../support/sagas/store-contract.ts'
import { letter, listed, ROOMY } from '../dead-letters/contract.ts'
import { ids, record } from '../waiting/contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'bingo-busy-state-'))
const path = join(folder, 'state')
const file = () => new StateFile({ path, name: 'bingo', letters: true, log: silentLog })
const state = new SqliteStateStore(file(), { exclusive: true })
const letters = new SqliteDeadLetterStore(file(), ROOMY)
const sagas = new SqliteSagaStore(file())
const waiting = new SqliteWaitingStore(file())
/** A command beside the daemon. It is in this process: what blocks the event loop would wait for it in vain. */
let command: DatabaseSync

beforeAll(async () => {
  await state.save('checkpoint', 'a', null)
  await Promise.all([letters.count(), sagas.nextDue(), waiting.lines()])
  command = new DatabaseSync(path)
})
afterAll(async () => {
  command.close()
  for (const store of [state, letters, sagas, waiting]) await store.close()
  rmSync(folder, { recursive: true })
})

async function whileHeld<T>(work: () => Promise<T>): Promise<T> {
  command.exec('BEGIN IMMEDIATE')
  const done = work()
  let isDone = false
  void done.then(
    () => (isDone = true),
    () => (isDone = true),
  )
  await delay(30)
  expect(isDone).toBe(false)
  command.exec('COMMIT')
  return done
}

test('a checkpoint is saved when a command has ended its transaction', async () => {
  expect(await whileHeld(() => state.save('checkpoint', 'b', 1))).toBe(true)
  expect(await state.load('checkpoint')).toEqual({ value: 'b', version: 2 })
})

test('so is a lease', async () => {
  const lease = state.lease('leader', 60_000)
  expect(await whileHeld(() => lease.ask())).toMatchObject({ tag: 'taken' })
  await whileHeld(() => lease.release())
  expect(await state.lease('leader', 60_000).ask()).toMatchObject({ tag: 'taken', after: 'release' })
})

test('so are dead letters, in the order in which they came', async () => {
  await whileHeld(() => Promise.all([letters.add([letter(1)]), letters.add([letter(2)]), letters.add([letter(3)])]))
  expect(await listed(letters)).toEqual(['1', '2', '3'])
  expect(await whileHeld(() => letters.remove([letter(1).id]))).toBe(1)
})

test('so are sagas', async () => {
  expect(await whileHeld(() => sagas.claim())).toBe(1)
  expect(await whileHeld(() => add(sagas, sagaInstance('a')))).toEqual([true])
})

test('so is what waits, in the order in which it came', async () => {
  await whileHeld(() => Promise.all([waiting.add([record(1)]), waiting.add([record(2)])]))
  expect(await ids(waiting)).toEqual([1, 2])
})

test('so is the end of the claim on the file', async () => {
  await whileHeld(() => state.close())
  const next = new SqliteStateStore(file(), { exclusive: true })
  expect(await next.save('checkpoint', 'c', 2)).toBe(true)
  await next.close()
})
