import { spawnSync } from 'node:child_process'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { expect, test } from 'vitest'
import { growSparingly, heapControls, releaseAfterStart } from '../../../../src/cli/daemon/growing-heap.ts'
import { createStats } from '../../../../src/model/stats.ts'

const BACK = '--heap-growing-percent=0'
const SPARINGLY = '--heap-growing-percent=30'

function watched() {
  const stats = createStats(1)
  const done: string[] = []
  let look: (() => void) | null = null
  let nowMs = 0
  const every = (_ms: number, fn: () => void) => {
    look = fn
    return { cancel: () => void (look = null) }
  }
  const watch = growSparingly(
    stats,
    { every, monotonicMs: () => nowMs },
    {
      setFlags: (flags) => done.push(flags),
      collect: () => done.push('collect'),
      release: () => done.push('release'),
    },
  )
  const lookWith = (...counts: readonly number[]): void => {
    stats.waiting.lines = new Map(
      counts.map((count, i) => [`spool/${i}`, { count, bytes: count, oldestMs: 0, shapes: [] }]),
    )
    look!()
  }
  const pass = (ms: number): void => void (nowMs += ms)
  return { stats, done, watch, lookWith, pass, isWatched: () => look !== null }
}

test('the heap grows sparingly while many events wait, in whatever lines, and gives back what it has outgrown afterwards', () => {
  const { done, watch, lookWith, pass, isWatched } = watched()
  lookWith()
  lookWith(999)
  expect(done).toEqual([])
  lookWith(500, 500)
  lookWith(1_000_000)
  expect(done).toEqual([SPARINGLY, 'collect'])
  lookWith(3)
  pass(9_999)
  lookWith()
  expect(done).toEqual([SPARINGLY, 'collect'])
  pass(1)
  lookWith()
  lookWith()
  expect(done).toEqual([SPARINGLY, 'collect', BACK, 'release'])
  watch[Symbol.dispose]()
  expect(isWatched()).toBe(false)
})

test('it does so, too, while many events are queued for a target that is down or paused', () => {
  const { stats, done, lookWith } = watched()
  const target = stats.budget.target({ id: 'hook', type: 'webhook' })
  target.queued = 5_000
  lookWith()
  expect(done).toEqual([])
  target.pausedSince = 1
  lookWith()
  expect(done).toEqual([SPARINGLY, 'collect'])
})

test('it does so, too, while many events are on their way into the store', () => {
  const { stats, done, lookWith } = watched()
  stats.waiting.unwritten = 1_000
  lookWith()
  expect(done).toEqual([SPARINGLY, 'collect'])
})

test('it stays so where the number goes up and down around what is many', () => {
  const { done, lookWith, pass } = watched()
  for (let i = 0; i < 100; i++) {
    lookWith(i % 2 === 0 ? 1_000 : 999)
    pass(1_000)
  }
  expect(done).toEqual([SPARINGLY, 'collect'])
})

test('it is collected and gives pages back once a minute at most, and in the end', () => {
  const { done, lookWith, pass } = watched()
  for (let i = 0; i < 4; i++) {
    lookWith(1_000)
    pass(10_000)
    lookWith(0)
  }
  const whole = (): readonly string[] => done.filter((what) => !what.startsWith('--'))
  expect(whole()).toEqual(['collect', 'release'])
  expect(done.at(-1)).toBe(BACK)
  pass(60_000)
  lookWith(0)
  expect(whole()).toEqual(['collect', 'release', 'release'])
  lookWith(1_000)
  expect(whole()).toEqual(['collect', 'release', 'release', 'collect'])
})

test('a heap that is collected on request is smaller afterwards', () => {
  const { collect } = heapControls(setFlagsFromString)
  const held = (): number => process.memoryUsage().heapUsed
  let garbage: object[] | null = Array.from({ length: 300_000 }, (_, i) => ({ i }))
  const before = held()
  expect(garbage).toHaveLength(300_000)
  garbage = null
  collect()
  collect()
  expect(held()).toBeLessThan(before)
})

test('what only the start needed is released once, unless the daemon stopped before', () => {
  const due: (() => void)[] = []
  const cancelled: boolean[] = []
  const after = (_ms: number, fn: () => void) => {
    due.push(fn)
    return { cancel: () => void cancelled.push(true) }
  }
  let released = 0
  const start = releaseAfterStart({ after }, { release: () => void (released += 1) })
  expect(released).toBe(0)
  due[0]!()
  expect([released, due.length]).toEqual([1, 1])
  start[Symbol.dispose]()
  expect(cancelled).toEqual([true])
})

test('a heap that is released gives pages back to the system', () => {
  const { release } = heapControls(setFlagsFromString)
  const size = (): number => getHeapStatistics().total_heap_size
  let garbage: object[] | null = Array.from({ length: 1_000_000 }, (_, i) => ({ i }))
  const before = size()
  expect(garbage).toHaveLength(1_000_000)
  garbage = null
  release()
  expect(size()).toBeLessThan(before)
})

test('this Node knows the flag', () => {
  const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  expect(stdout).toMatch(/--heap-growing-percent\b/)
})
