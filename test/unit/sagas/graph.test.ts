import { expect, test } from 'vitest'
import type { SagaDefinition, SagaStep, SagaTrigger } from '../../../src/model/saga/definition.ts'
import { sagaGraph } from '../../../src/sagas/graph.ts'
import { sagaPlan, stepPlan } from '../../support/sagas/plans.ts'

const action = (target: string) => ({ type: 'webhook', target: { id: target } }) as SagaStep['action']
const step = (id: string, given: Partial<SagaStep> = {}): SagaStep => ({
  ...stepPlan(id),
  location: { file: 'rules.yaml', line: 1, column: 1 },
  action: action('webhook https://shop.example.com'),
  compensate: null,
  ...given,
})

function saga(stages: readonly (readonly SagaStep[])[], events: readonly (readonly [SagaTrigger, string | null])[]) {
  const rules = events.map(([trigger, type]) => ({
    trigger,
    rule: { on: type === null ? null : { patterns: [type] } },
  }))
  return { ...sagaPlan(stages, { deadlineMs: 3_600_000 }), stages, rules } as unknown as SagaDefinition
}

test('A definition is drawn with its steps downwards and its compensations in reverse', () => {
  const undo = action('webhook https://shop.example.com')
  const stages = [
    [step('reserve', { compensate: undo, timeoutMs: 30_000, confirms: true })],
    [step('mail')],
    [step('charge', { compensate: undo, action: action('payments') }), step('pack "it"', { compensate: undo })],
  ]
  const drawn = sagaGraph(
    saga(stages, [
      [{ tag: 'start' }, 'orders.order.create'],
      [{ tag: 'confirm', step: 'reserve' }, 'inventory.reserved'],
      [{ tag: 'reject', step: 'reserve' }, null],
    ]),
  )
  expect(drawn).toEqual([
    'flowchart TD',
    '  start(["order<br/>orders.order.create<br/>deadline 1h"])',
    '  s0_0["reserve<br/>webhook https://shop.example.com<br/>confirmed by inventory.reserved<br/>rejected by a row change<br/>timeout 30s"]',
    '  s1_0["mail<br/>webhook https://shop.example.com"]',
    '  subgraph stage2 [in parallel]',
    '    s2_0["charge<br/>webhook payments"]',
    '    s2_1["pack #quot;it#quot;<br/>webhook https://shop.example.com"]',
    '  end',
    '  completed([completed])',
    '  s0_0u["undo reserve<br/>webhook https://shop.example.com"]',
    '  subgraph stage2u [in parallel]',
    '    s2_0u["undo charge<br/>webhook https://shop.example.com"]',
    '    s2_1u["undo pack #quot;it#quot;<br/>webhook https://shop.example.com"]',
    '  end',
    '  compensated([compensated])',
    '  start --> s0_0',
    '  s0_0 --> s1_0',
    '  s1_0 --> stage2',
    '  stage2 --> completed',
    '  s0_0 -. fails .-> s0_0u',
    '  s1_0 -. fails .-> s0_0u',
    '  stage2 -. fails .-> stage2u',
    '  s0_0u -.-> compensated',
    '  stage2u -.-> s0_0u',
  ])
})

test('A definition without compensations has no way back', () => {
  expect(sagaGraph(saga([[step('mail')]], [[{ tag: 'start' }, null]]))).toEqual([
    'flowchart TD',
    '  start(["order<br/>a row change<br/>deadline 1h"])',
    '  s0_0["mail<br/>webhook https://shop.example.com"]',
    '  completed([completed])',
    '  start --> s0_0',
    '  s0_0 --> completed',
  ])
})
