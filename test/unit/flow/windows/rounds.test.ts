import { expect, test } from 'vitest'
import { inRounds } from '../../../../src/flow/windows/rounds.ts'
import { DebounceWindow } from '../../../../src/flow/windows/window.ts'
import { systemClock } from '../../../../src/model/clock.ts'
import type { InFlightJob } from '../../../../src/model/delivery/in-flight-job.ts'
import { action, job } from '../../../support/jobs.ts'

const set = action({ index: 0, coalesce: 'latest' })
const del = action({ index: 1, coalesce: 'latest' })
const actions = [set, del]
const of = (id: number, index: 0 | 1): InFlightJob => job({ id, action: actions[index]! })

test('the jobs of one action stand together where no row minds', () => {
  const [a0, a1, b0, b1] = [of(1, 0), of(1, 1), of(2, 0), of(2, 1)]
  expect(inRounds([a0, a1, b0, b1])).toEqual([a0, b0, a1, b1])
})

test('a row keeps the order of its commits over the actions of a rule', () => {
  const [deleted, inserted, other] = [of(1, 1), of(1, 0), of(2, 0)]
  expect(inRounds([deleted, inserted, other])).toEqual([other, deleted, inserted])
})

test('one action alone stays as it is', () => {
  const jobs = [of(1, 0), of(2, 0), of(1, 0)]
  expect(inRounds(jobs)).toBe(jobs)
})

/** What leaves a window into which these went, in order. */
function released(jobs: readonly InFlightJob[]): readonly InFlightJob[] {
  const out: InFlightJob[] = []
  const window = new DebounceWindow(
    { windowMs: 10, maxWaitMs: 10, maxBatch: 100 },
    (each) => out.push(...each),
    systemClock,
  )
  for (const each of jobs) window.add(each)
  window.flush()
  return inRounds(out)
}

test('a deleted row that is inserted again is set last, and one that is deleted again is deleted last', () => {
  const [deleted, inserted] = [of(1, 1), of(1, 0)]
  expect(released([deleted, inserted])).toEqual([deleted, inserted])
  const [first, gone, last] = [of(1, 0), of(1, 1), of(1, 0)]
  expect(released([first, gone, last])).toEqual([gone, last])
  const [written, removed] = [of(1, 0), of(1, 1)]
  expect(released([written, removed])).toEqual([written, removed])
})
