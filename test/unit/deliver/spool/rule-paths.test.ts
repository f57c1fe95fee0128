import { expect, test } from 'vitest'
import { spoolPath } from '../../../../src/deliver/spool/rule-paths.ts'
import { action } from '../../../support/jobs.ts'

/** The ways of the actions of a rule that go to these targets. */
function paths(...targets: string[]): string[] {
  const plans = targets.map((id, index) => action({ index, target: { id, type: 'fake', options: {} } }))
  const { rule } = plans[0]!
  Object.assign(rule, { actions: plans })
  for (const plan of plans) Object.assign(plan, { rule })
  return plans.map((plan) => spoolPath(plan).join(''))
}

test('an action waits behind what waits for its own target and for those of the actions before it', () => {
  expect(paths('a')).toEqual(['a'])
  expect(paths('a', 'b')).toEqual(['a', 'ab'])
  expect(paths('a', 'b', 'c')).toEqual(['a', 'ab', 'abc'])
  expect(paths('a', 'a')).toEqual(['a', 'a'])
})

test('a rule that comes back to a target waits as a whole, so that its actions there keep their order', () => {
  expect(paths('a', 'b', 'a')).toEqual(['ab', 'ab', 'ab'])
  expect(paths('c', 'a', 'b', 'a')).toEqual(['c', 'cab', 'cab', 'cab'])
})
