import { describe, expect, test } from 'vitest'
import { countIn, isOver, NEW_GROUP, type GroupCount } from '../../../../src/flow/thresholds/sliding-count.ts'
import type { Threshold } from '../../../../src/model/rule/threshold.ts'

function threshold(overrides: Partial<Threshold> = {}): Threshold {
  return {
    location: { file: 'a.yaml', line: 1, column: 1 },
    version: '1',
    above: '2',
    sums: false,
    withinMs: 1_000,
    againMs: 1_000,
    groupedBy: null,
    mostGroups: 10,
    reads: () => ({ new: new Set(), old: new Set() }),
    bind: () => () => ({ by: '', amount: null }),
    ...overrides,
  }
}

/** What the rule does for events at these times: the count where it fires, else null. */
function firedAt(times: readonly number[], of: Threshold, amounts?: readonly string[]): (number | string | null)[] {
  let group: GroupCount = NEW_GROUP
  return times.map((at, i) => {
    const total = countIn(group, at, { by: '', amount: amounts?.[i] ?? null }, of)
    group = total.group
    return total.fires ? (total.sum?.toString() ?? total.count) : null
  })
}

describe('a threshold fires for the event that is more than it allows', () => {
  test('once, and again when its time has passed and it is still exceeded', () => {
    const of = threshold({ againMs: 500 })
    expect(firedAt([1000, 1100, 1200, 1300, 1600, 1699, 1700], of)).toEqual([null, null, 3, null, null, null, 7])
  })

  test('not for events that are older than the window', () => {
    expect(firedAt([1000, 1500, 2000, 2001, 2500], threshold())).toEqual([null, null, null, 3, null])
  })

  test('for a sum, exactly', () => {
    const of = threshold({ sums: true, above: '0.3', againMs: 0 })
    expect(firedAt([1, 2, 3, 4], of, ['0.1', '0.2', '0.00', '0.01'])).toEqual([null, null, null, '0.31'])
  })

  test('when the sum falls below and exceeds again', () => {
    const of = threshold({ sums: true, above: '10', againMs: 0 })
    expect(firedAt([1, 2, 3], of, ['11', '-5', '5'])).toEqual(['11', null, '11'])
  })
})

test('times of transactions that were committed side by side do not go back', () => {
  expect(firedAt([1000, 1500, 1400, 1300], threshold({ above: '3' }))).toEqual([null, null, null, 4])
})

test('a group with many times is counted in steps: nothing counts less than the window, and little more', () => {
  const of = threshold({ above: '1000000', withinMs: 60_000 })
  let group: GroupCount = NEW_GROUP
  const times = Array.from({ length: 9_000 }, (_, i) => 1_000_000 + i * 7)
  for (const [i, at] of times.entries()) {
    const total = countIn(group, at, { by: '', amount: null }, of)
    group = total.group
    expect(group.buckets.length).toBeLessThanOrEqual(120)
    const exact = Math.min(i + 1, Math.ceil(60_000 / 7))
    expect(total.count).toBeGreaterThanOrEqual(exact)
    expect(total.count).toBeLessThanOrEqual(exact + 1_000 / 7 + 1)
  }
  expect(isOver(group, times.at(-1)! + 59_999, of)).toBe(false)
  expect(isOver(group, times.at(-1)! + 60_000, of)).toBe(true)
})
