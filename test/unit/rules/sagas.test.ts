import { describe, expect, it } from 'vitest'
import { ProblemsError } from '../../../src/model/errors.ts'
import { sagaChange } from '../../../src/model/saga/events.ts'
import { EVENT_SHAPE, PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import type { SagaSignal } from '../../../src/model/saga/sink.ts'
import { sagaEvent } from '../../support/sagas/plans.ts'
import { sagaRules } from '../../support/sagas/rules.ts'
import { sagaInstance } from '../../support/sagas/store-contract.ts'
import { PENDING } from '../../../src/sagas/machine/draft.ts'

const ORDER = `
sagas:
  - id: order
    on: "orders.order.create"
    key: "{{payload.orderId}}"
    deadline: 1h
    steps:
      - id: reserve
        action: {type: webhook, url: "http://127.0.0.1/", body: {m: "reserve {{saga.key}} {{payload.items}}"}}
        confirm: {on: "inventory.reserved"}
        reject: {table: stock.rejections, key: "{{order_id}}"}
        timeout: 30s
        retry: {attempts: 3, min: 1s, max: 10s}
        compensate: {type: webhook, url: "http://127.0.0.1/", body: {m: "release {{steps.reserve.output.id}}"}, retry: {attempts: 4}}
      - parallel:
          - {id: charge, action: {type: webhook, url: "http://127.0.0.1/", body: {m: "{{ .input.total }} {{ .output.reserve.id }}"}}, compensate: none}
          - {id: mail, action: {type: webhook, url: "http://127.0.0.1/", body: {m: "x"}}, when: "payload.total > 5 && steps.reserve.output.id == 7"}
`

function problemsOf(text: string): readonly string[] {
  try {
    sagaRules(text)
    return []
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    return error.problems.map(
      ({ location, code, message }) => `${location?.line}:${location?.column} ${code} ${message}`,
    )
  }
}

const order = () => sagaRules(ORDER).ruleSet.sagas![0]!

describe('sagas of a rules file', () => {
  it('are read with their steps, groups, times and retries', () => {
    const { id, deadlineMs, stages } = order()
    expect({ id, deadlineMs }).toEqual({ id: 'order', deadlineMs: 3_600_000 })
    expect(stages.map((steps) => steps.map((step) => step.id))).toEqual([['reserve'], ['charge', 'mail']])
    const [reserve, charge, mail] = stages.flat()
    expect(reserve).toMatchObject({
      confirms: true,
      timeoutMs: 30_000,
      retry: { attempts: 3, minMs: 1_000, maxMs: 10_000 },
      undo: { retry: { attempts: 4 } },
    })
    expect(charge).toMatchObject({ confirms: false, undo: 'none', compensate: null, when: null })
    expect(mail).toMatchObject({ undo: null })
  })

  it('listen by rules that render what starts, confirms and rejects', () => {
    const { ruleSet } = sagaRules(ORDER)
    expect(ruleSet.rules.map(({ id }) => id)).toEqual([
      'saga order start',
      'saga order reserve confirm',
      'saga order reserve reject',
    ])
    const [start, , reject] = ruleSet.sagas![0]!.rules.map(({ rule }) => rule)
    expect(start!.on!.matches('orders.order.create')).toBe(true)
    expect(reject!.listensTo('insert', 'stock', 'rejections')).toBe(true)
    const posted = new PostedEvent(
      { ...sagaEvent({ orderId: 'a/7' }), instanceId: 'i', deliverAt: null },
      { id: 'e1', gtid: null, file: '', offset: 0, serverId: 0, timestampUs: 0, query: null },
      0,
    )
    const signal = start!.actions[0]!.bind(EVENT_SHAPE)(posted) as SagaSignal
    expect(signal).toMatchObject({
      saga: 'order',
      key: 'a/7',
      trigger: { tag: 'start' },
      event: sagaEvent({ orderId: 'a/7' }),
    })
  })

  it('read the start event and the outputs of earlier steps, in three spellings and in CEL', () => {
    const [[reserve], [charge, mail]] = order().stages as never as [[never], [never, never]]
    const instance = sagaInstance('17', {
      event: sagaEvent({ orderId: '17', total: 9, items: 'two' }),
      steps: { reserve: { ...PENDING, status: 'done', output: { id: 7 } } },
    })
    const rendered = (step: { action: { bind: Function } }): string => {
      const command = { step: 'charge', op: 'do', attempt: 1 } as const
      return JSON.stringify(step.action.bind(EVENT_SHAPE)(sagaChange(instance, ['reserve'], command)))
    }
    expect(rendered(reserve)).toContain('reserve 17 two')
    expect(rendered(charge)).toContain('9 7')
    const { when } = mail as { when: (of: typeof instance) => boolean }
    expect(when(instance)).toBe(true)
    expect(when({ ...instance, event: sagaEvent({ total: 5 }) })).toBe(false)
  })

  it('keep their version over reformatting, and compile again from their text', () => {
    const { version, source } = order()
    expect(sagaRules(ORDER.replace('deadline: 1h', 'deadline: "1h"   # of all')).ruleSet.sagas![0]!.version).toBe(
      version,
    )
    const former = sagaRules('rules: []').ruleSet.formerSaga!(source)
    expect(former.version).toBe(version)
    expect(former.rules.map(({ rule }) => rule.id)).toEqual([
      `saga order ${version} reserve confirm`,
      `saga order ${version} reserve reject`,
    ])
    expect(former.stages.flat()[0]!.compensate).not.toBeNull()
  })

  it.each([
    ['no key', 'sagas: [{id: a, on: x.y, steps: [{id: s, action: {type: log}}]}]', '1:9 BINGO_RULE_MISSING'],
    ['no steps', 'sagas: [{id: a, on: x.y, key: "{{key}}"}]', '1:9 BINGO_RULE_MISSING'],
    [
      'an unknown key',
      'sagas: [{id: a, on: x.y, key: "{{key}}", step: [], steps: [{id: s, action: {type: log}}]}]',
      'unknown key "step"',
    ],
    [
      'a step twice',
      'sagas: [{id: a, on: x.y, key: "{{key}}", steps: [{id: s, action: {type: log}}, {id: s, action: {type: log}}]}]',
      'another step has the id "s"',
    ],
    [
      'a step without an action',
      'sagas: [{id: a, on: x.y, key: "{{key}}", steps: [{id: s}]}]',
      'the step "s" needs "action"',
    ],
    [
      'the output of a later step',
      'sagas: [{id: a, on: x.y, key: "{{key}}", steps: [{id: s, action: {type: webhook, url: "http://127.0.0.1/", body: {m: "{{steps.t.output.x}}"}}}, {id: t, action: {type: log}}]}]',
      'no step "t" comes before this one',
    ],
    [
      'the output of a parallel step in CEL',
      'sagas: [{id: a, on: x.y, key: "{{key}}", steps: [{parallel: [{id: s, action: {type: log}}, {id: t, when: "steps.s.output.x", action: {type: log}}]}]}]',
      'no step "s" comes before this one',
    ],
    [
      'a retry inside of the action',
      'sagas: [{id: a, on: x.y, key: "{{key}}", steps: [{id: s, action: {type: log, retry: {attempts: 2}}}]}]',
      'retry is not for the action of a step',
    ],
    [
      'two sagas of one name',
      'sagas: [{id: a, on: x.y, key: "{{key}}", steps: [{id: s, action: {type: log}}]}, {id: a, on: x.y, key: "{{key}}", steps: [{id: s, action: {type: log}}]}]',
      'already used',
    ],
    [
      'a saga variable in a rule',
      'rules: [{id: r, on: x.y, filter: "steps.s.output == 1", actions: [{type: log}]}]',
      'BINGO_RULE_BAD_FILTER',
    ],
  ])('are refused with their place: %s', (_, text, expected) => {
    expect(problemsOf(text).join('\n')).toContain(expected)
  })
})
