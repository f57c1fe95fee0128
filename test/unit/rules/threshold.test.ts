import { describe, expect, test } from 'vitest'
import { explainRule } from '../../../src/match/explain.ts'
import { sampleChange } from '../../../src/rules/samples/sample-change.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const rule = (threshold: string, key = 'k:{{threshold.count}}', when = 'threshold.count > 100'): string =>
  `rules:\n  - id: r\n    table: orders\n    threshold: ${threshold}\n    actions: [{type: redis, cmd: DEL, key: "${key}", when: "${when}"}]`

describe('threshold: of a rule is refused', () => {
  test.each([
    ['100', 'BINGO_RULE_TYPE threshold must be a map, but is a number'],
    ['{count: 100}', 'BINGO_RULE_MISSING threshold needs "within"'],
    ['{within: 1m}', 'BINGO_RULE_VALUE threshold needs either "count" or "sum"'],
    ['{count: 1, sum: "{{new.total}}", above: 2, within: 1m}', 'threshold needs either "count" or "sum"'],
    ['{count: 0, within: 1m}', 'BINGO_RULE_VALUE count must be at least 1'],
    ['{count: 1, above: 2, within: 1m}', 'BINGO_RULE_VALUE "above" goes with "sum"'],
    ['{sum: "{{new.total}}", within: 1m}', 'BINGO_RULE_MISSING "sum" needs "above"'],
    ['{sum: "{{new.total}}", above: much, within: 1m}', 'BINGO_RULE_TYPE above must be a number'],
    ['{sum: total, above: 1, within: 1m}', 'sum is the same for every row → write "{{new.total}}"'],
    ['{count: 1, within: 1m, by: shop_id}', 'by is the same for every row → write "{{new.shop_id}}"'],
    ['{count: 1, within: 90d}', 'BINGO_RULE_VALUE within must be at most 30d'],
    ['{count: 1, within: 1m, groups: 1000000}', 'BINGO_RULE_VALUE groups must be at most 100000'],
    ['{count: 1, within: 1m, per: 1h}', 'BINGO_RULE_UNKNOWN_KEY unknown key "per" in threshold'],
  ])('%s', (threshold, problem) => {
    expect(problemsIn(rule(threshold)).join('\n')).toContain(problem)
  })

  test('where a filter reads it, which comes before', () => {
    const text = rule('{count: 1, within: 1m}').replace(
      '    threshold',
      '    filter: "threshold.count > 1"\n    threshold',
    )
    expect(problemsIn(text)[0]).toContain('BINGO_RULE_BAD_FILTER the rule has no threshold')
  })
})

test('an event shows what was counted, and explain and test render it', () => {
  const [own] = rulesFrom(rule('{count: 100, within: 1m, by: "{{new.shop_id}}"}'))
  const event = { op: 'insert' as const, table: 'orders', new: { id: 1, shop_id: 7 } }
  const rendered = (count: number) => {
    const change = sampleChange({ ...event, threshold: { count, sum: null, by: '7' } })
    return explainRule(own!, change).actions[0]!
  }
  expect(rendered(101)).toMatchObject({ rendered: { payload: 'k:101' } })
  expect(rendered(99)).toMatchObject({ when: { value: false }, rendered: null })
})

test('what cannot be added up is an error, NULL is nothing, and a column that is missing is one too', () => {
  const [own] = rulesFrom(rule('{sum: "{{new.total}}", above: 1, within: 1m}'))
  const counted = (row: object) => {
    const change = sampleChange({ op: 'insert', table: 'orders', new: { id: 1, ...row } })
    return own!.threshold!.bind(change.table)(change)
  }
  expect(counted({ total: '19.90' })).toEqual({ by: '', amount: '19.90' })
  expect(counted({ total: null })).toEqual({ by: '', amount: '0' })
  expect(() => counted({ total: 'a lot' })).toThrow('sum of the threshold is not a number')
  expect(() => counted({})).toThrow('which test.orders does not have')
})
