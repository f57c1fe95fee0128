import { describe, expect, test } from 'vitest'
import { explainDue } from '../../../src/cli/rule-tests/due.ts'
import { explainRule } from '../../../src/match/explain.ts'
import { Matcher } from '../../../src/match/matcher.ts'
import { ChangeProgram } from '../../../src/match/change-program.ts'
import { Change } from '../../../src/model/event/change.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import { sampleChange } from '../../../src/rules/samples/sample-change.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { tableDef, transaction } from '../../support/jobs.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

const rule = (recheck: string, more: string, on = 'table: orders, events: INSERT'): string =>
  `rules:\n  - {id: r, ${on}, ${more}recheck: ${recheck},\n     actions: [{type: redis, cmd: DEL, key: "k:{{id}}", when: "new.total > 5"}]}`

describe('recheck: of a rule is refused', () => {
  test.each([
    ['with another value', rule('"yes"', 'delay: 1m, '), '2:64 BINGO_RULE_TYPE recheck must be'],
    ['without a delay', rule('true', ''), '2:53 BINGO_RULE_VALUE recheck asks again when a delay is over'],
    [
      'of a manual rule',
      rule('true', 'delay: 1m, manual: true, '),
      'BINGO_RULE_VALUE recheck asks again of a row, and a manual',
    ],
    [
      'of statements',
      rule('true', 'delay: 1m, ', 'table: orders, events: [TRUNCATE, DDL]'),
      'and TRUNCATE, DDL has none',
    ],
    [
      'of posted events',
      rule('true', 'delay: 1m, ', 'on: a.b.c, source: api')
        .replace('new.total', 'payload.total')
        .replace('{{id}}', '{{key}}'),
      'for posted events, which never change',
    ],
  ])('%s', (_name, text, problem) => {
    expect(problemsIn(text).join('\n')).toContain(problem)
  })
})

test('recheck: false needs no delay', () => {
  expect(problemsIn(rule('false', ''))).toEqual([])
  expect(rulesFrom(rule('false', ''))[0]!.recheck).toBeNull()
})

/** What changes do, in their order. */
function doneBy(text: string, ...changes: readonly Change[]): readonly string[] {
  const done: string[] = []
  const matcher = new Matcher({ rules: rulesFrom(text), files: [] }, () => () => 0)
  const sink = {
    matched: (_action: unknown, { seq }: Change) => void done.push(`act ${seq}`),
    deferred: () => undefined,
    failed: (_action: unknown, { seq }: Change) => void done.push(`failed ${seq}`),
    ruleMatched: () => undefined,
    exceeded: (_rule: unknown, _threshold: unknown, each: Change) => each,
    cancelled: (_rule: unknown, { seq }: Change) => void done.push(`cancel ${seq}`),
    newer: (_rule: unknown, { seq }: Change) => void done.push(`newest ${seq}`),
  }
  for (const change of changes) {
    if (change.op === 'truncate') {
      const { schema, name } = change.table
      new ChangeProgram(change.table, matcher.statementRules('truncate', schema, name)).run(change, 0, sink)
    } else {
      matcher.changeProgram(change)?.run(change, 0, sink)
    }
  }
  return done
}

const event = (op: 'insert' | 'update' | 'delete', seq: number, row: object, table = 'shop.orders'): Change =>
  sampleChange({ op, table, seq, ...(op !== 'delete' && { new: row }), ...(op !== 'insert' && { old: row }) } as never)

const truncate = (name: string, seq: number): Change =>
  new Change({ ...tableDef([], []), name }, 'truncate', transaction(), seq, null, null, 'TRUNCATE')

test('every change of its tables is the newest row, before it cancels and before it acts', () => {
  const text = rule('true', 'delay: 1m, filter: "new.status == 1", cancelOn: {events: INSERT}, ')
  const row = { id: 1, status: 1, total: 9 }
  expect(
    doneBy(
      text,
      event('insert', 1, row),
      event('update', 2, { ...row, status: 5 }),
      event('delete', 3, row),
      event('insert', 4, { ...row, total: 1 }),
      event('insert', 5, row, 'shop.other'),
      truncate('orders', 6),
      truncate('other', 7),
    ),
  ).toEqual(['newest 1', 'cancel 1', 'act 1', 'newest 2', 'newest 3', 'newest 4', 'cancel 4', 'newest 6'])
})

test('a rule on types of events follows the rows of the tables that it names', () => {
  const text = rule('true', 'delay: 1m, ', 'on: shop.orders.create')
  const row = { id: 1, status: 1, total: 9 }
  expect(doneBy(text, event('insert', 1, row), event('update', 2, row), event('delete', 3, row))).toEqual([
    'newest 1',
    'act 1',
    'newest 2',
    'newest 3',
  ])
})

test('a table without a primary key is warned of where the rule has no key of its own', () => {
  const check = (text: string): string => {
    const { ruleSet } = loadRulesFromText([{ path: '/r/a.yaml', name: 'a.yaml', text }], {
      baseDir: process.cwd(),
      targets: new Map(),
      defaults: { redisUrl: 'redis://cache:6379', allowCidrs: [] },
      actionTypes: actionTypes(),
      env: {},
    })
    const table = { ...tableDef(['id', 'total'], []), name: 'orders' }
    return ruleSet.problemsWith!(table)
      .map(({ code }) => code)
      .join()
  }
  expect(check(rule('true', 'delay: 1m, '))).toContain('BINGO_RULE_NO_PRIMARY_KEY')
  expect(check(rule('true', 'delay: 1m, key: "{{id}}", '))).not.toContain('BINGO_RULE_NO_PRIMARY_KEY')
})

test('explain says that the event waits and is asked again, and a test gives the row at the due time', () => {
  const [read] = rulesFrom(rule('true', 'delay: 90s, filter: "new.status == 1", '))
  const placed = event('insert', 1, { id: 1, status: 1, total: 9 })
  expect(explainRule(read!, placed).delay).toEqual({ ms: 90_000, recheck: true })
  expect(explainDue(read!, placed, { status: 2 })).toMatchObject({ outcome: 'no match', actions: [] })
  expect(explainDue(read!, placed, null)).toMatchObject({ outcome: 'no match', actions: [] })
  expect(explainDue(read!, placed, { total: 1 }).actions).toMatchObject([{ rendered: null }])
  expect(explainDue(read!, placed, { total: 7 }).actions).toMatchObject([{ rendered: { payload: 'k:1' } }])
})
