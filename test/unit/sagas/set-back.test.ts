import { expect, it } from 'vitest'
import { advance } from '../../../src/sagas/machine/advance.ts'
import { afterSetBack } from '../../../src/sagas/machine/set-back.ts'
import { sagaEvent, sagaPlan, stepPlan } from '../../support/sagas/plans.ts'

const DAY = 86_400_000
const plan = sagaPlan([[stepPlan('a', { timeoutMs: 5_000 })]], { deadlineMs: 60_000 })

it('what is left of timeouts, pauses and the deadline stays as it was when the clock is set back', () => {
  const started = advance(plan, null, { tag: 'start', key: 'k', event: sagaEvent() }, DAY).instance
  const outcome = { tag: 'failed', code: 'X', message: 'x', down: false } as const
  const failed = advance(
    plan,
    started,
    { tag: 'answer', step: 'a', op: 'do', attempt: 1, outcome },
    DAY + 100,
  ).instance!
  const moved = afterSetBack(failed, 1_000)
  expect(moved).toMatchObject({
    deadlineAt: 1_000 + 59_900,
    dueAt: 2_000,
    updatedAt: 1_000,
    revision: failed.revision + 1,
  })
  expect(moved.steps['a']).toMatchObject({ sendAt: 2_000, timeoutAt: 1_000 + 4_900 })
})

it('an instance that was written before now stays the same', () => {
  const started = advance(plan, null, { tag: 'start', key: 'k', event: sagaEvent() }, DAY).instance!
  expect(afterSetBack(started, DAY)).toBe(started)
})
