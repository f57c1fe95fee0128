import { expect, test } from 'vitest'
import { ProblemsError, type Problem } from '../../../src/model/errors.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'

function problemsOf(text: string, keepsEvents?: boolean): readonly string[] {
  const shown = ({ location, severity, code, message }: Problem): string =>
    `${location?.line}:${location?.column} ${severity} ${code} ${message}`
  const defaults = { redisUrl: undefined, allowCidrs: [], keepsEvents, keepsStreams: false }
  const options = { baseDir: '/', targets: new Map(), defaults, actionTypes: actionTypes() } as never
  try {
    return loadRulesFromText([{ path: 'r.yaml', name: 'r.yaml', text }], options).warnings.map(shown)
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems.map(shown)
    throw error
  }
}

/** Steps from line 6 on. */
const saga = (steps: readonly string[], more = 'deadline: 1h'): string =>
  [
    'sagas:',
    '  - id: a',
    '    on: x.y',
    `    ${more}`,
    '    key: "{{payload.k}}"',
    '    steps:',
    ...steps.map((step) => `    - ${step}`),
  ].join('\n')

test('A step that cannot be undone is a warning where another step can fail, but not the last one', () => {
  expect(problemsOf(saga(['{id: s, action: {type: log}}', '{id: t, action: {type: log}}']))).toEqual([
    expect.stringMatching(/^7:7 warning BINGO_RULE_SAGA_UNDO the step "s" has no "compensate"/),
  ])
  const parallel = saga(['{parallel: [{id: s, action: {type: log}, compensate: none}, {id: t, action: {type: log}}]}'])
  expect(problemsOf(parallel)).toEqual([expect.stringMatching(/^7:67 warning BINGO_RULE_SAGA_UNDO the step "t"/)])
  const undone = ['{id: s, action: {type: log}, compensate: {type: log}}', '{id: t, action: {type: log}}']
  expect(problemsOf(saga(undone))).toEqual([])
})

test('What waits without end, or longer than the saga may take, is a warning', () => {
  const waits = ['{id: s, action: {type: log}, confirm: {on: a.b}}']
  expect(problemsOf(saga(waits, 'enabled: true'))).toEqual([
    expect.stringMatching(/^7:7 warning BINGO_RULE_SAGA_WAIT the step "s" waits without end/),
  ])
  expect(problemsOf(saga(waits))).toEqual([])
  expect(problemsOf(saga(['{id: s, action: {type: log}, timeout: 2h}']))).toEqual([
    '7:7 warning BINGO_RULE_SAGA_WAIT the timeout 2h of the step "s" is longer than the deadline of the saga',
  ])
  expect(problemsOf(saga(['{id: s, action: {type: log}, reject: {on: a.b}}']))).toEqual([
    expect.stringMatching(/^7:44 warning BINGO_RULE_SAGA_WAIT the step "s" is done when its action succeeds/),
  ])
})

test('What nothing can bring is an error where it is known that no events are taken in', () => {
  const text = saga(['{id: s, action: {type: log}, confirm: {on: inventory.reserved}}'])
  expect(problemsOf(text, true)).toEqual([])
  expect(problemsOf(text, false)).toEqual([
    expect.stringMatching(/^2:5 error BINGO_RULE_SAGA_WAIT the saga "a" never starts: .* x\.y$/),
    expect.stringMatching(/^7:45 error BINGO_RULE_SAGA_WAIT no confirm of "s" ever comes: .* inventory\.reserved$/),
  ])
  const confirm = '{id: s, action: {type: log}, confirm: {on: stock.reservations.create, key: "{{new.order}}"}}'
  const rows = saga([confirm]).replace('on: x.y', 'table: shop.orders').replace('payload.k', 'new.id')
  expect(problemsOf(rows, false)).toEqual([])
})

test('A key that several rules of a saga read is told of once', () => {
  const problems = problemsOf('sagas: [{id: a, on: x.y.z, key: "{{new.k}}", steps: [{id: s, action: {type: log}}]}]')
  expect(problems.filter((problem) => problem.includes('new.k'))).toHaveLength(1)
})
