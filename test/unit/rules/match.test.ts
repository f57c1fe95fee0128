import { describe, expect, test } from 'vitest'
import { explainRule } from '../../../src/match/explain.ts'
import { conditionOf } from '../../../src/model/rule/condition.ts'
import type { Rule } from '../../../src/model/rule/rule.ts'
import { ADA, changeOf, USERS } from '../../support/match-tables.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const text = (match: string, more = ''): string =>
  `rules:\n  - id: r\n    table: users\n    match: ${match}\n${more}    actions: [{type: log}]`

const ruleOf = (match: string, more = ''): Rule => rulesFrom(text(match, more))[0]!

const insert = changeOf(null, ADA)
const update = changeOf({ ...ADA, status: 0 }, ADA)
const remove = changeOf(ADA, null)
const answers = (match: string): readonly boolean[] => {
  const holds = ruleOf(match).match!.bind(USERS)
  return [insert, update, remove].map((change) => holds(change))
}

describe('A pattern on rows', () => {
  test.each([
    ['{new: {status: [1]}}', [true, true, false]],
    ['{old: {status: [0]}}', [false, true, false]],
    ['{new: null}', [false, false, true]],
    ['{old: [{$isNull: true}]}', [true, false, false]],
    ['{new: {Status: 1}}', [true, true, false]],
    ['{key: {id: [1, 101]}}', [true, true, true]],
    ['{op: [insert, delete]}', [true, false, true]],
    ['{changed: [{$includes: status}]}', [true, true, true]],
    ['{op: update, changed: [{$includes: Status}]}', [false, true, false]],
    ['{op: update, changed: [{$includes: age}]}', [false, false, false]],
    ['{op: update, changed: [{$not: age}]}', [false, true, false]],
    ['{payload: {new: {status: 1}, changed: [{$includes: status}]}}', [true, true, false]],
    ['{type: [shop.users.create], source: database}', [true, false, false]],
    ['{type: [{$startsWith: shop.}], schema: shop, table: users}', [true, true, true]],
    ['{new: {doc: {vip: true, tags: [{$includes: x}], constructor: c}}}', [true, true, false]],
    ['{new: {tags: [{$includes: a}]}}', [true, true, false]],
    ['{new: {}}', [true, true, true]],
    ['{}', [true, true, true]],
  ])('%s', (match, wanted) => {
    expect(answers(match)).toEqual(wanted)
  })

  test('reads only the columns that it names', () => {
    const reads = (match: string): unknown => ruleOf(match).match!.reads(USERS)
    expect(reads('{new: {STATUS: 1}, old: {age: 2}}')).toEqual({ new: new Set(['status']), old: new Set(['age']) })
    expect(reads('{changed: [{$includes: age}]}')).toEqual({ new: new Set(['age']), old: new Set(['age']) })
    expect(reads('{op: insert}')).toEqual({ new: new Set(), old: new Set() })
    expect(reads('{changed: [{$not: age}]}')).toEqual({ new: 'all', old: 'all' })
  })

  test('on a column that the table does not have is an error, unless it asks whether it is there', () => {
    expect(() => ruleOf('{new: {statsu: 1}}').match!.bind(USERS)).toThrow('reads column "statsu"')
    expect(() => ruleOf('{key: {age: 1}}').match!.bind(USERS)).toThrow('not part of the primary key')
    expect(answers('{new: {statsu: [{$exists: false}]}}')).toEqual([true, true, false])
  })

  test('on a column that the row image leaves out is an error', () => {
    const holds = ruleOf('{new: {age: 1}}').match!.bind(USERS)
    expect(() => holds(changeOf({ id: 1, status: 0 }, { id: 1, status: 1 }))).toThrow('does not contain')
  })

  test('lets rules be looked up by its values, but for integers that a column may hold as another type', () => {
    expect(ruleOf('{new: {status: [1, 2], age: [{$gt: 1}], serial: 9007199254740993}}').match!.necessary).toEqual([
      { image: 'new', column: 'status', values: [1, 2] },
    ])
  })
})

test('The filter is evaluated only where the pattern matches', () => {
  const rule = ruleOf('{op: update}', "    filter: 'new.status / (new.status - 1) > 0'\n")
  const holds = conditionOf(rule)!.bind(USERS)
  expect(holds(insert)).toBe(false)
  expect(() => holds(update)).toThrow('division by zero')
})

test('Explaining a rule names the clause of its pattern that failed, with what the event has there', () => {
  const { outcome, match, filter } = explainRule(
    ruleOf('{new: {status: [1], doc: {level: [4], more: {a: 1}}}}', "    filter: 'new.id == 1'\n"),
    update,
  )
  expect({ outcome, filter }).toEqual({ outcome: 'no match', filter: null })
  expect(match!.clauses.map(({ path, source, holds, value }) => ({ path, source, holds, value }))).toEqual([
    { path: 'new.status', source: '[1]', holds: true, value: 1 },
    { path: 'new.doc.level', source: '[4]', holds: false, value: 3 },
    { path: 'new.doc.more', source: '{a: [1]}', holds: false, value: undefined },
  ])
  expect(match!.clauses[1]!.location).toMatchObject({ line: 4, column: 45 })
})

test('A field that the event of a row does not have is refused with what is near', () => {
  expect(problemsIn(text('{nwe: {status: 1}}'))).toEqual([
    '4:13 BINGO_RULE_BAD_MATCH the event of a row has no field "nwe" → did you mean "new"?',
  ])
  expect(problemsIn(text('{status: 1}'))).toEqual([
    '4:13 BINGO_RULE_BAD_MATCH the event of a row has no field "status" → write match: {new: {status: …}} for a column',
  ])
})

test('Integers of any length may stand in a pattern, and nowhere else in a rule', () => {
  expect(ruleOf('{new: {serial: 9007199254740993}}').match!.source).toBe('{new: {serial: [9007199254740993]}}')
  expect(problemsIn(text('{}', '    debounce: 9007199254740993\n'))[0]).toContain('exceeds 2^53')
})
