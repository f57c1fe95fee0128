import { beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/model/clock.ts'
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
/** Its source could not begin to read again. */
let isSourceDown: boolean
/** Jobs that it has read, and those of them that have ended or are stored. */
let work: { read: number; finished: number }
const clock = { ...systemClock, monotonicMs: () => nowMs }
let nowMs: number

interface Started {
  readonly lines: WaitingLines
  /** Of the target, and of the delay of the rule. */
  readonly spool: WaitingLine
  readonly delay: WaitingLine
}

/** A process that opens the store. */
async function started(): Promise<Started> {
  const mine = (work = { read: 0, finished: 0 })
  const { lines } = memoryLines(rules, {
    store,
    clock,
    replay: {
      readUpToMs: () => readUpToMs,
      isSourceDown: () => isSourceDown,
      mark: () => [mine.read],
      isFinished: ([mark]) => mine.finished >= mark!,
    },
    stored: () => void (mine.finished += 1),
  })
  await lines.open(new AbortController().signal)
  return { lines, spool: lines.line('spool/crm'), delay: lines.line(`delay/${RULE.rule.id}`) }
}

/** Changes of one row, by their numbers; all are of one transaction or of several of one moment, as far as clocks tell. */
function add(line: WaitingLine, ...numbers: readonly number[]): void {
  for (const seq of numbers) {
    work.read += 1
    line.add(job({ id: 7, seq, action: RULE, hold: new CountingHold() }), 0)
  }
}

const read = async (line: WaitingLine): Promise<number[]> =>
  (await line.next(100)).map(({ id }) => Number(/\/(\d+)#/.exec(id)![1]))

beforeEach(async () => {
  store = new MemoryWaitingStore()
  nowMs = 0
  readUpToMs = -Infinity
  isSourceDown = false
  const { lines, spool } = await started()
  add(spool, 1, 2, 3)
  await lines.flush()
})

describe('Between two groups of a replay', () => {
  test('nothing is read that would overtake what has come again', async () => {
    const { lines, spool } = await started()
    add(spool, 1)
    await lines.flush()
    expect(await read(spool)).toEqual([])
    expect(spool.empty).toBe(false)
    add(spool, 2, 3)
    await lines.flush()
    expect(await read(spool)).toEqual([1, 2, 3])
    expect(await read(spool)).toEqual([])
    expect(spool.empty).toBe(true)
  })

  test('nor is it from a line that the replay moves records out of, to another one', async () => {
    const { lines, spool, delay } = await started()
    add(delay, 1)
    await lines.flush()
    expect(await read(spool)).toEqual([])
    expect(spool.empty).toBe(false)
    add(delay, 2, 3)
    await lines.flush()
    expect(await read(spool)).toEqual([])
    expect(spool.empty).toBe(true)
    expect(await read(delay)).toEqual([1, 2, 3])
  })

  test('nor is it before anything of the line has come again', async () => {
    const { lines, spool } = await started()
    expect(await read(spool)).toEqual([])
    add(spool, 1, 2, 3)
    await lines.flush()
    expect(await read(spool)).toEqual([1, 2, 3])
  })

  test('what was read is not as good as written', async () => {
    const { lines, spool } = await started()
    add(spool, 1)
    await lines.flush()
    add(spool, 2, 3)
    readUpToMs = Infinity
    expect(await read(spool)).toEqual([])
    await lines.flush()
    expect(await read(spool)).toEqual([1, 2, 3])
  })

  test('what was read, and is to be written to another line, is not either', async () => {
    const { lines, spool, delay } = await started()
    add(delay, 1, 2, 3)
    readUpToMs = Infinity
    expect(await read(spool)).toEqual([])
    await lines.flush()
    expect(await read(spool)).toEqual([])
    expect(await read(delay)).toEqual([1, 2, 3])
  })
})

test('what was read and waits in memory is not as good as written, but is not waited for without end', async () => {
  const { lines, spool } = await started()
  add(spool, 1)
  await lines.flush()
  work.read += 2
  readUpToMs = Infinity
  expect(await read(spool)).toEqual([])
  expect(spool.isReplaying).toBe(true)
  nowMs += 60_000
  expect(await read(spool)).toEqual([2, 3, 1])
})

test('what does not come again leaves ahead of what has, once everything up to its commit was read', async () => {
  const { lines, spool } = await started()
  // Of another row, as far as anybody knows.
  add(spool, 2)
  await lines.flush()
  expect(await read(spool)).toEqual([])
  readUpToMs = Infinity
  expect(await read(spool)).toEqual([1, 3, 2])
})

describe('In a log whose commit times do not ascend', () => {
  const committedAtMs = job().change.transaction.timestampUs / 1_000

  test('what comes behind a later time is waited for', async () => {
    const { lines, spool } = await started()
    add(spool, 1)
    await lines.flush()
    readUpToMs = committedAtMs + 1
    expect(await read(spool)).toEqual([])
    readUpToMs = committedAtMs + 59_000
    expect(await read(spool)).toEqual([])
    add(spool, 2, 3)
    await lines.flush()
    expect(await read(spool)).toEqual([1, 2, 3])
  })

  test('so it is where the replay moves it to another line', async () => {
    const { lines, spool, delay } = await started()
    add(delay, 1)
    await lines.flush()
    readUpToMs = committedAtMs + 1
    expect(await read(spool)).toEqual([])
    add(delay, 2, 3)
    await lines.flush()
    expect(await read(delay)).toEqual([1, 2, 3])
  })

  test('what is long past leaves although the source has not caught up', async () => {
    const { spool } = await started()
    expect(await read(spool)).toEqual([])
    readUpToMs = committedAtMs + 60_001
    expect(await read(spool)).toEqual([1, 2, 3])
  })
})

test('what does not come again leaves when nothing comes any more', async () => {
  const { spool } = await started()
  expect(await read(spool)).toEqual([])
  readUpToMs = Infinity
  expect(await read(spool)).toEqual([1, 2, 3])
})

test('a store whose source is down is read', async () => {
  isSourceDown = true
  readUpToMs = Infinity
  const { spool } = await started()
  expect(await read(spool)).toEqual([1, 2, 3])
})

describe('After a crash between two groups of a replay', () => {
  beforeEach(async () => {
    const { lines, delay } = await started()
    add(delay, 1)
    await lines.flush()
    isSourceDown = true
    readUpToMs = Infinity
  })

  test('what stands in several lines waits until a source that is down is back, and then for what comes again', async () => {
    const { lines, spool, delay } = await started()
    expect(await read(spool)).toEqual([])
    expect(await read(delay)).toEqual([])
    isSourceDown = false
    readUpToMs = 0
    expect(await read(spool)).toEqual([])
    add(delay, 1, 2, 3)
    await lines.flush()
    expect(await read(spool)).toEqual([])
    expect(spool.empty).toBe(true)
    expect(await read(delay)).toEqual([1, 2, 3])
  })

  test('it is read when the next replay brings nothing again', async () => {
    const { spool, delay } = await started()
    expect(await read(spool)).toEqual([])
    isSourceDown = false
    expect(await read(spool)).toEqual([2, 3])
    expect(await read(delay)).toEqual([1])
  })
})

test('what this process has added itself waits for nothing', async () => {
  store = new MemoryWaitingStore()
  const { lines, spool } = await started()
  add(spool, 1, 2)
  await lines.flush()
  expect(await read(spool)).toEqual([1, 2])
})

test('a process that found nothing waiting replays nothing, whatever it waits for itself', async () => {
  store = new MemoryWaitingStore()
  const { lines, spool } = await started()
  work.read += 1
  expect(spool.isReplaying).toBe(false)
  add(spool, 1)
  await lines.flush()
  expect(spool.isReplaying).toBe(false)
})
