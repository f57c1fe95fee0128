import { describe, expect, test } from 'vitest'
import { namedAction, ownAction } from '../../../src/waiting/own-action.ts'
import type { DeadLetter } from '../../../src/model/delivery/dead-letter.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import { messageId } from '../../../src/targets/plan/message-id.ts'
import { actionTypes } from '../../../src/targets/registry.ts'

const SADD = '{type: redis, cmd: SADD, key: "seen", member: "{{id}}"}'
const DEL = '{type: redis, cmd: DEL, key: "precious:{{id}}"}'
const HOOK = '{type: webhook, url: "https://crm.example/hook", body: {id: "{{id}}"}}'

function rules(actions: readonly string[], options: { id?: string; env?: Record<string, string> } = {}): RuleSet {
  const text = `rules: [{id: ${options.id ?? 'crm'}, table: users, actions: [${actions.join(', ')}]}]`
  return loadRulesFromText([{ path: '/r.yaml', name: 'r.yaml', text }], {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: 'redis://cache:6379', allowCidrs: [] },
    actionTypes: actionTypes(),
    env: options.env ?? {},
  }).ruleSet
}

/** The entry that the daemon writes for an action of a rule. */
function letterOf({ rules: [rule] }: RuleSet, index = 0, stage?: DeadLetter['stage']): DeadLetter {
  const { identity, parts, type, target } = rule!.actions[index]!
  return {
    id: `1:1/0#crm#${identity}`,
    event: {} as DeadLetter['event'],
    ruleId: rule!.id,
    ruleVersion: rule!.version,
    actionIndex: index,
    action: { identity, parts, ofRule: rule!.actions.map((each) => each.identity) },
    actionType: type,
    target: target.id,
    rowKey: 'k',
    state: 'park',
    attempts: [],
    createdAt: 0,
    ...(stage !== undefined && { stage }),
  }
}

function refusal(letter: DeadLetter, ruleSet: RuleSet): string {
  try {
    const { index, type } = ownAction(letter, ruleSet)
    return `accepted by action ${index + 1} (${type})`
  } catch (error) {
    if (error instanceof BingoError) return `${error.code} ${error.message}`
    throw error
  }
}

describe('A dead letter goes to its own action', () => {
  test('when another one was put in front of it', () => {
    expect(ownAction(letterOf(rules([SADD])), rules([DEL, SADD])).index).toBe(1)
  })

  test('when the actions were reordered, or one before it was removed', () => {
    expect(ownAction(letterOf(rules([DEL, HOOK, SADD]), 2), rules([SADD, DEL, HOOK])).index).toBe(0)
    expect(ownAction(letterOf(rules([DEL, HOOK, SADD]), 2), rules([HOOK, SADD])).index).toBe(1)
  })

  test('when its password, timeout or retry changed, and when it was written in another order', () => {
    const before = rules(['{type: webhook, url: "https://h/x", headers: {authorization: "${env:T}"}}'], {
      env: { T: 'one' },
    })
    const after = rules(
      ['{retry: {attempts: 3}, url: "https://h/x", timeout: 3s, headers: {authorization: "${env:T}"}, type: webhook}'],
      { env: { T: 'two' } },
    )
    expect(ownAction(letterOf(before), after).index).toBe(0)
  })

  test('when it has an id, whatever else of it changed', () => {
    const named = SADD.replace('{', '{id: seen, ')
    const changed = rules([DEL, named.replace('"seen"', '"visited"')])
    expect(ownAction(letterOf(rules([named])), changed).index).toBe(1)
  })

  test('when it got an id after the dead letter was written', () => {
    expect(ownAction(letterOf(rules([SADD])), rules([DEL, SADD.replace('{', '{id: seen, ')])).index).toBe(1)
  })

  test('of two that differ in their `when` only', () => {
    const one = SADD.replace('}"}', '}", when: "new.id > 1"}')
    const two = SADD.replace('}"}', '}", when: "new.id < 1"}')
    const before = rules([HOOK, one, two])
    const identities = before.rules[0]!.actions.map(({ identity }) => identity)
    expect(new Set(identities).size).toBe(3)
    expect(ownAction(letterOf(before, 2), rules([HOOK, one, two])).index).toBe(2)
    expect(ownAction(letterOf(before, 2), rules([two, HOOK, one])).index).toBe(0)
  })

  test('when its template, which could not be rendered, was repaired', () => {
    const broken = rules([SADD.replace('{{id}}', '{{nothing}}')])
    const repaired = rules([DEL, SADD])
    expect(ownAction(letterOf(broken, 0, 'payload'), repaired).index).toBe(1)
  })
})

describe('A dead letter is refused with a reason', () => {
  test('when what its action sends changed', () => {
    const after = rules([SADD.replace('"seen"', '"visited"')])
    expect(refusal(letterOf(rules([SADD])), after)).toBe(
      'BINGO_ACTION_CHANGED rule "crm" cannot redeliver it: its redis action was removed or changed; the closest one (action 1) differs in key',
    )
  })

  test('when the address changed', () => {
    const after = rules([HOOK.replace('crm.example/hook', 'crm.example/v2')])
    expect(refusal(letterOf(rules([HOOK])), after)).toContain('differs in url')
    const elsewhere = rules([HOOK.replace('crm.example', 'other.example')])
    expect(refusal(letterOf(rules([HOOK])), elsewhere)).toContain('differs in target, url')
  })

  test('when the action has another type now', () => {
    expect(refusal(letterOf(rules([SADD])), rules([HOOK]))).toContain(
      'its redis action was removed: the rule has webhook',
    )
    const named = (action: string): string => action.replace('{', '{id: it, ')
    expect(refusal(letterOf(rules([named(SADD)])), rules([named(HOOK)]))).toContain('the rule has webhook')
  })

  test('when the rule was renamed', () => {
    expect(refusal(letterOf(rules([SADD])), rules([SADD], { id: 'shop' }))).toBe(
      'BINGO_RULE_UNKNOWN rule "crm" does not exist or is disabled',
    )
  })

  test('when the command of an action that could not be rendered changed', () => {
    const broken = rules([SADD.replace('{{id}}', '{{nothing}}')])
    expect(refusal(letterOf(broken, 0, 'payload'), rules([DEL]))).toContain('differs in')
  })

  test('when only an action next to the broken one is left', () => {
    const before = rules([SADD.replace('{{id}}', '{{nothing}}'), SADD.replace('"seen"', '"all"')])
    const after = rules([SADD.replace('"seen"', '"all"')])
    expect(refusal(letterOf(before, 0, 'payload'), after)).toContain('BINGO_ACTION_CHANGED')
  })

  test('when it only knows the index of its action, and the rule changed', () => {
    const { action: _, ...old } = letterOf(rules([SADD]))
    expect(refusal(old, rules([SADD]))).toBe('accepted by action 1 (redis)')
    expect(refusal(old, rules([DEL, SADD]))).toContain('an older version of BinGo')
    expect(refusal(old, rules([SADD, DEL]))).toContain('BINGO_ACTION_CHANGED')
  })
})

test('an action can be named by its number or its id', () => {
  const ruleSet = rules([DEL, SADD.replace('{', '{id: seen, ')])
  expect(namedAction('crm#1', ruleSet).index).toBe(0)
  expect(namedAction('crm#seen', ruleSet).index).toBe(1)
  expect(() => namedAction('crm#3', ruleSet)).toThrow('action "crm#3" does not exist')
})

test('messages keep their ids when actions of a rule are reordered', () => {
  const idsOf = (ruleSet: RuleSet): string[] => ruleSet.rules[0]!.actions.map((each) => messageId('1:1/0', each))
  const before = rules([DEL, SADD, HOOK])
  expect(idsOf(rules([HOOK, DEL, SADD])).toSorted()).toEqual(idsOf(before).toSorted())
})

test('two actions of a rule cannot share an id, and an id cannot look like an index', () => {
  const named = (id: string): string => SADD.replace('{', `{id: ${id}, `)
  expect(() => rules([named('a'), named('a').replace('seen', 'x')])).toThrow(
    expect.objectContaining({ code: 'BINGO_INVALID_INPUT' }),
  )
  expect(() => rules([named('"1"')])).toThrow(expect.objectContaining({ code: 'BINGO_INVALID_INPUT' }))
})
