import { expect, test } from 'vitest'
import { Change } from '../../../src/model/event/change.ts'
import type { Operation } from '../../../src/model/event/row.ts'
import type { ActionPlan, Rule } from '../../../src/model/rule/rule.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { explainRule } from '../../../src/match/explain.ts'
import { compilePredicate } from '../../../src/rules/language/cel/predicate.ts'
import { inlineText } from '../../../src/rules/language/source-text.ts'
import { compileTemplate } from '../../../src/rules/language/template/template.ts'
import { ADA, changeOf } from '../../support/match-tables.ts'

function rule(filter: string | null, operations: Operation[] = ['update'], when: string | null = null): Rule {
  const key = compileTemplate(inlineText('user:{{email}}'), { strict: true })
  const action = {
    index: 0,
    type: 'redis',
    target: { id: 'cache', type: 'redis', options: null },
    when: when === null ? null : compilePredicate(inlineText(when)),
    bind: (table: TableDef) => key.bind(table),
  } as unknown as ActionPlan
  return {
    id: 'r',
    operations: new Set(operations),
    match: null,
    filter: filter === null ? null : compilePredicate(inlineText(filter)),
    actions: [action],
    on: null,
    matchesTable: (_schema: string, table: string) => table === 'users',
    listensTo: (operation: Operation, _schema: string, table: string) =>
      table === 'users' && operations.includes(operation),
  } as unknown as Rule
}

const update = changeOf({ ...ADA, status: 0 }, ADA)

test('Each operand of the filter is shown with its answer and the values that it reads', () => {
  const { outcome, filter } = explainRule(
    rule("(new.status != old.status) && 'age' in changed && new.age > 18"),
    update,
  )
  expect(outcome).toBe('no match')
  expect(filter?.parts).toEqual([
    {
      source: 'new.status != old.status',
      answer: { tag: 'value', value: true },
      values: [
        { name: 'new.status', value: 1 },
        { name: 'old.status', value: 0 },
      ],
    },
    {
      source: "'age' in changed",
      answer: { tag: 'value', value: false },
      values: [{ name: "'age' in changed", value: false }],
    },
    { source: 'new.age > 18', answer: { tag: 'value', value: true }, values: [{ name: 'new.age', value: 31 }] },
  ])
})

test('A filter that fails is an error, reported at the operand', () => {
  const { outcome, filter } = explainRule(rule('new.status == 1 && new.age > 18'), changeOf(ADA, { ...ADA, age: null }))
  expect(outcome).toBe('error')
  expect(filter?.parts[1]?.answer).toMatchObject({ tag: 'error', code: 'BINGO_FILTER_FAILED' })
})

test('A match shows what would be done', () => {
  const explained = explainRule(rule('new.status == 1', ['update'], "op == 'update'"), update)
  expect(explained).toMatchObject({
    outcome: 'match',
    actions: [{ target: 'cache', when: { value: true }, rendered: { payload: 'user:ada@example.com' } }],
  })
  const failing = explainRule(rule(null), changeOf(ADA, { ...ADA, email: null }))
  expect(failing.actions[0]?.rendered).toMatchObject({ tag: 'error', code: 'BINGO_TEMPLATE_NULL' })
  const skipped = explainRule(rule(null, ['update'], "op == 'insert'"), update)
  expect(skipped.actions[0]).toMatchObject({ when: { value: false }, rendered: null })
})

test('A rule for other tables or operations is not evaluated', () => {
  expect(explainRule(rule('new.status == 1', ['insert']), update)).toMatchObject({
    outcome: 'no match',
    operation: { holds: false, wanted: ['insert'] },
    filter: null,
    actions: [],
  })
})

test('A gap is explained by the rules that listen to gaps, whatever their tables', () => {
  const gap = new Change({ ...update.table, schema: '', name: '' }, 'gap', update.transaction, 0, null, ADA, null)
  expect(explainRule(rule(null, ['gap']), gap)).toMatchObject({ outcome: 'match', table: { holds: true } })
  expect(explainRule(rule(null, ['ddl']), gap)).toMatchObject({ outcome: 'no match', operation: { holds: false } })
})
