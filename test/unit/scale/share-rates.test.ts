import { expect, test } from 'vitest'
import { shareRules } from '../../../src/scale/share-rules.ts'
import { action } from '../../support/jobs.ts'

test('each share has its part of the rate of a target, and of an action that has its own besides', () => {
  const target = { id: 'crm', type: 'fake', options: {}, ratePerSecond: 32 }
  const rules = [action({ target }), action({ target, ratePerSecond: 16 }), action()].map(({ rule }) => rule)
  const shared = shareRules({ rules, files: [] }, 0, 8).rules.map((rule) => rule.actions[0]!)
  expect(shared.map(({ ratePerSecond, target: of }) => [ratePerSecond, of.ratePerSecond])).toEqual([
    [null, 4],
    [2, 4],
    [null, undefined],
  ])
})
