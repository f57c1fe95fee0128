import { describe, expect, test } from 'vitest'
import { Matcher } from '../../../src/match/matcher.ts'
import type { Change } from '../../../src/model/event/change.ts'
import { sampleChange } from '../../../src/rules/samples/sample-change.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const rule = (cancelOn: string, more = 'delay: 30m'): string =>
  `rules:\n  - id: r\n    table: orders\n    events: INSERT\n    ${more}\n    cancelOn: ${cancelOn}\n    actions: [{type: redis, cmd: DEL, key: "k:{{id}}"}]`

describe('cancelOn: of a rule is refused', () => {
  test.each([
    ['paid', 'BINGO_RULE_TYPE cancelOn must be a map, but is a string'],
    ['{events: []}', 'BINGO_RULE_VALUE events is empty'],
    ['{events: DDL}', 'BINGO_RULE_VALUE "DDL" is not a valid value of events'],
    ['{filter: "new.status ="}', 'BINGO_RULE_BAD_FILTER'],
    ['{when: "true"}', 'BINGO_RULE_UNKNOWN_KEY unknown key "when" in cancelOn'],
  ])('%s', (cancelOn, problem) => {
    expect(problemsIn(rule(cancelOn)).join('\n')).toContain(problem)
  })

  test('without a delay', () => {
    expect(problemsIn(rule('{}', 'tags: []')).join('\n')).toContain(
      'cancels what waits for a delay, and the rule has none',
    )
  })
})

/** What changes do: `act` and `cancel` in their order. */
function doneBy(text: string, ...changes: readonly Change[]): readonly string[] {
  const done: string[] = []
  const matcher = new Matcher({ rules: rulesFrom(text), files: [] }, () => () => 0)
  for (const change of changes) {
    matcher.changeProgram(change)?.run(change, 0, {
      matched: (_action, { seq }) => void done.push(`act ${seq}`),
      deferred: () => undefined,
      failed: () => void done.push('failed'),
      ruleMatched: () => undefined,
      newer: () => undefined,
      exceeded: (_rule, _threshold, each) => each,
      cancelled: (_rule, { seq }, error) => void done.push(error === null ? `cancel ${seq}` : `${error.code} ${seq}`),
    })
  }
  return done
}

const event = (op: 'insert' | 'update' | 'delete', seq: number, row: object): Change =>
  sampleChange({
    op,
    table: 'orders',
    seq,
    ...(op !== 'delete' && { new: row }),
    ...(op !== 'insert' && { old: row }),
  } as never)

test('a rule listens to what cancels it, and an event that does both cancels what came before itself', () => {
  const text = rule(`{events: [INSERT, UPDATE], filter: "new.status != 'new'"}`)
  expect(
    doneBy(
      text,
      event('insert', 1, { id: 1, status: 'new' }),
      event('update', 2, { id: 1, status: 'new' }),
      event('update', 3, { id: 1, status: 'paid' }),
      event('delete', 4, { id: 1, status: 'paid' }),
      event('insert', 5, { id: 1, status: 'draft' }),
      event('update', 6, { id: 1 }),
    ),
  ).toEqual(['act 1', 'cancel 3', 'cancel 5', 'act 5', 'BINGO_UNKNOWN_COLUMN 6'])
})

test('UPDATE and DELETE cancel where nothing is said', () => {
  const row = { id: 1 }
  expect(doneBy(rule('{}'), event('insert', 1, row), event('update', 2, row), event('delete', 3, row))).toEqual([
    'act 1',
    'cancel 2',
    'cancel 3',
  ])
})

test('a pattern says what cancels, and the filter is asked where it matches', () => {
  const text = rule(`{events: UPDATE, match: {new: {status: [paid, gone]}}, filter: "old.status != 'draft'"}`)
  expect(
    doneBy(
      text,
      sampleChange({
        op: 'update',
        table: 'orders',
        seq: 1,
        old: { id: 1, status: 'new' },
        new: { id: 1, status: 'paid' },
      }),
      sampleChange({
        op: 'update',
        table: 'orders',
        seq: 2,
        old: { id: 1, status: 'draft' },
        new: { id: 1, status: 'gone' },
      }),
      sampleChange({
        op: 'update',
        table: 'orders',
        seq: 3,
        old: { id: 1, status: 'new' },
        new: { id: 1, status: 'seen' },
      }),
    ),
  ).toEqual(['cancel 1'])
  expect(problemsIn(rule('{match: {nwe: {status: paid}}}')).join()).toContain('has no field "nwe"')
})
