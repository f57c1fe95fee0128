import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { growSparingly } from '../../../../src/cli/daemon/growing-heap.ts'
import { createStats } from '../../../../src/model/stats.ts'

test('the heap grows sparingly while many events wait, in whatever lines, and as V8 thinks fit otherwise', () => {
  const stats = createStats(1)
  const flags: string[] = []
  let look: (() => void) | null = null
  const every = (_ms: number, fn: () => void) => {
    look = fn
    return { cancel: () => void (look = null) }
  }
  const watch = growSparingly(stats, { every }, (given) => flags.push(given))
  const lookWith = (...counts: readonly number[]): void => {
    stats.waiting.lines = new Map(
      counts.map((count, i) => [`spool/${i}`, { count, bytes: count, oldestMs: 0, shapes: [] }]),
    )
    look!()
  }
  lookWith()
  lookWith(999)
  expect(flags).toEqual([])
  lookWith(500, 500)
  lookWith(1_000_000)
  expect(flags).toEqual(['--heap-growing-percent=30'])
  lookWith(3)
  lookWith()
  expect(flags).toEqual(['--heap-growing-percent=30', '--heap-growing-percent=0'])
  watch[Symbol.dispose]()
  expect(look).toBeNull()
})

test('this Node knows the flag', () => {
  const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  expect(stdout).toMatch(/--heap-growing-percent\b/)
})
