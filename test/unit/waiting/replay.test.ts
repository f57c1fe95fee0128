import { beforeEach, expect, test } from 'vitest'
import type { WaitingLine } from '../../../src/waiting/line.ts'
import type { WaitingLines } from '../../../src/waiting/lines.ts'
import { MemoryWaitingStore } from '../../../src/state/waiting/memory-store.ts'
import { action, CountingHold, job } from '../../support/jobs.ts'
import { memoryLines } from '../../support/waiting.ts'

const RULE = action()
const rules = { rules: [RULE.rule], files: [] }

let store: MemoryWaitingStore
/** Commit time up to which the process that started again has read. */
let readUpToMs: number

/** A process that opens the store. */
async function started(): Promise<{ lines: WaitingLines; line: WaitingLine }> {
  const { lines } = memoryLines(rules, { store, readUpToMs: () => readUpToMs })
  await lines.open(new AbortController().signal)
  return { lines, line: lines.line('spool/crm') }
}

/** Changes of one row, by their numbers; all are of one transaction or of several of one moment, as far as clocks tell. */
function add(line: WaitingLine, ...numbers: readonly number[]): void {
  for (const seq of numbers) line.add(job({ id: 7, seq, action: RULE, hold: new CountingHold() }), 0)
}

const read = async (line: WaitingLine): Promise<number[]> =>
  (await line.next(100)).map(({ id }) => Number(/\/(\d+)#/.exec(id)![1]))

beforeEach(async () => {
  store = new MemoryWaitingStore()
  readUpToMs = 0
  const { lines, line } = await started()
  add(line, 1, 2, 3)
  await lines.flush()
})

test('nothing is read between two groups of a replay that would overtake what has come again', async () => {
  const { lines, line } = await started()
  add(line, 1)
  await lines.flush()
  expect(await read(line)).toEqual([])
  expect(line.empty).toBe(false)
  add(line, 2, 3)
  await lines.flush()
  expect(await read(line)).toEqual([1, 2, 3])
  expect(await read(line)).toEqual([])
  expect(line.empty).toBe(true)
})

test('what does not come again leaves ahead of what has, once everything up to its commit was read', async () => {
  const { lines, line } = await started()
  // Of another row, as far as anybody knows.
  add(line, 2)
  await lines.flush()
  expect(await read(line)).toEqual([])
  readUpToMs = Infinity
  expect(await read(line)).toEqual([1, 3, 2])
})

test('what was read is not as good as written', async () => {
  const { lines, line } = await started()
  add(line, 1)
  await lines.flush()
  add(line, 2, 3)
  readUpToMs = Infinity
  expect(await read(line)).toEqual([])
  await lines.flush()
  expect(await read(line)).toEqual([1, 2, 3])
})

test('a store whose source has not begun to read again is read at once', async () => {
  const { line } = await started()
  expect(await read(line)).toEqual([1, 2, 3])
})

test('what this process has added itself waits for nothing', async () => {
  store = new MemoryWaitingStore()
  const { lines, line } = await started()
  add(line, 1, 2)
  await lines.flush()
  expect(await read(line)).toEqual([1, 2])
})
