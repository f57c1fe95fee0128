import { describe, expect, test } from 'vitest'
import { explainRule } from '../../../src/match/explain.ts'
import { sampleChange } from '../../../src/rules/samples/sample-change.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const rule = (
  lookup: string,
  action = '{type: redis, cmd: DEL, key: "c:{{lookup.customer.name}}"}',
  more = '',
): string => `rules:\n  - id: r\n    table: orders\n    lookup: ${lookup}\n    ${more}\n    actions: [${action}]`
const CUSTOMER = '{customer: {sql: "SELECT name FROM customers WHERE id = ?", params: ["{{new.customer_id}}"]}}'

describe('lookup: of a rule is refused', () => {
  test.each([
    ['customer', 'BINGO_RULE_TYPE lookup must be a map, but is a string'],
    ['{}', 'BINGO_RULE_VALUE lookup has no entry'],
    ['{"a b": {sql: "SELECT 1"}}', 'BINGO_RULE_VALUE "a b" is not a valid name of a lookup'],
    ['{customer: {params: []}}', 'BINGO_RULE_MISSING lookup.customer needs "sql"'],
    ['{customer: {sql: "SELECT 1", form: source}}', 'BINGO_RULE_UNKNOWN_KEY unknown key "form" in a lookup'],
    ['{customer: {sql: "SELECT 1 FROM t WHERE a = ?"}}', 'the statement has 1 `?`, but `params` has 0 values'],
    ['{customer: {sql: "SELECT {{id}}"}}', 'BINGO_RULE_SQL_TEMPLATE a statement must not contain templates'],
    ['{customer: {sql: "DELETE FROM customers"}}', 'BINGO_RULE_LOOKUP_STATEMENT a lookup only reads'],
    ['{customer: {sql: "SELECT 1; DROP TABLE t"}}', 'BINGO_RULE_LOOKUP_STATEMENT a lookup is one statement'],
    ['{customer: {sql: "/* x */ SELECT 1 FOR UPDATE"}}', 'BINGO_RULE_LOOKUP_STATEMENT a lookup must not lock rows'],
    ['{customer: {sql: "SELECT 1", from: reports}}', 'BINGO_RULE_VALUE "reports" is not a server that can be asked'],
    ['{customer: {sql: "SELECT 1", from: "redis://h"}}', 'BINGO_RULE_SQL_URL the address has the wrong scheme'],
    ['{customer: {sql: "SELECT 1", missing: none}}', 'BINGO_RULE_VALUE "none" is not a valid value of missing'],
    ['{customer: {sql: "SELECT 1", cache: soon}}', 'BINGO_RULE_TYPE cache is "soon", which is not a valid duration'],
    ['{customer: {sql: "SELECT ?", params: ["{{lookup.customer.id}}"]}}', 'lookups are read side by side'],
  ])('%s', (lookup, problem) => {
    expect(problemsIn(rule(lookup)).join('\n')).toContain(problem)
  })

  test.each([
    ['{type: redis, cmd: DEL, key: "{{lookup.custmer.name}}"}', 'the rule has no lookup "custmer" → did you mean'],
    ['{type: redis, cmd: DEL, key: "{{lookup}}"}', 'lookup needs the name of a lookup'],
    ['{type: redis, cmd: DEL, key: k, when: "lookup.custmer.a == 1"}', 'the rule has no lookup "custmer"'],
    ['{type: redis, cmd: DEL, key: k, when: "lookup[new.x].a == 1"}', 'lookup needs the name of a lookup'],
    ['{type: redis, cmd: DEL, key: k, when: "threshold.count > 1"}', 'the rule has no threshold'],
  ])('where an action reads %s', (action, problem) => {
    expect(problemsIn(rule(CUSTOMER, action)).join('\n')).toContain(problem)
  })

  test('where the filter reads it, which comes first', () => {
    expect(problemsIn(rule(CUSTOMER, undefined, 'filter: "lookup.customer.vip == 1"'))[0]).toContain(
      '5:14 BINGO_RULE_BAD_FILTER a filter comes before the lookups → write it as when: of an action',
    )
  })
})

test('rules without a lookup may have a column that is called so, and a variable of their own', () => {
  const [own] = rulesFrom(`rules:
  - {id: r, table: t, filter: "new.tags.exists(lookup, lookup == 'a')", actions: [{type: redis, cmd: DEL, key: "{{lookup}} {{threshold.x}}"}]}`)
  const change = sampleChange({
    op: 'insert',
    table: 't',
    new: { id: 1, tags: ['a'], lookup: 'x', threshold: { x: 2 } },
  })
  expect(explainRule(own!, change).actions[0]!.rendered).toEqual({ payload: 'x 2' })
})

describe('what an event gives for its lookups is what explain and test render', () => {
  const rendered = (lookup: unknown, action: string): unknown => {
    const [own] = rulesFrom(rule(CUSTOMER, action))
    const event = { op: 'insert' as const, table: 'orders', new: { id: 1, customer_id: 7 } }
    const change = sampleChange(lookup === undefined ? event : { ...event, lookup })
    const [explained] = explainRule(own!, change).actions
    return explained!.rendered ?? explained!.when
  }
  const KEY = '{type: redis, cmd: DEL, key: "c:{{lookup.customer.name}}"}'
  const WHEN = '{type: redis, cmd: DEL, key: c, when: "lookup.customer.vip == 1 || lookup.customer == null"}'

  test('values, in any letter case', () => {
    expect(rendered({ customer: { NAME: 'Ada' } }, KEY)).toEqual({ payload: 'c:Ada' })
    expect(rendered({ customer: { vip: 1 } }, WHEN)).toEqual({ payload: 'c' })
    expect(rendered({ customer: { vip: 2 } }, WHEN)).toEqual({ tag: 'value', value: false })
  })

  test('a row that is missing is null, and its columns are', () => {
    expect(rendered({ customer: null }, WHEN)).toEqual({ payload: 'c' })
    expect(rendered({ customer: null }, KEY)).toMatchObject({ code: 'BINGO_TEMPLATE_NULL' })
  })

  test('a column that the statement does not select, and a row that nobody gave, are errors', () => {
    expect(rendered({ customer: { nmae: 'Ada' } }, KEY)).toMatchObject({ code: 'BINGO_UNKNOWN_COLUMN' })
    expect(rendered(undefined, KEY)).toMatchObject({ code: 'BINGO_LOOKUP_ABSENT' })
  })
})
