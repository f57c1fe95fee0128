import { describe, expect, test } from 'vitest'
import { sampleChange, type SampleEvent } from '../../../../src/rules/samples/sample-change.ts'
import { readExpectation, unmet } from '../../../../src/cli/rule-tests/expectation.ts'
import { explainRule } from '../../../../src/match/explain.ts'
import type { Rule } from '../../../../src/model/rule/rule.ts'
import { Reporter } from '../../../../src/rules/reporter.ts'
import { loadRulesFromText } from '../../../../src/rules/files/load.ts'
import { entryOf } from '../../../../src/rules/yaml/tree.ts'
import { parseYaml } from '../../../../src/rules/yaml/yaml-tree.ts'
import { actionTypes } from '../../../../src/targets/registry.ts'

const EVENT: SampleEvent = { op: 'insert', table: 'shop.users', new: { id: 1, email: 'ada@example.com', score: 2.5 } }

function ruleWith(...actions: string[]): Rule {
  const text = ['rules:', '  - id: r', '    table: users', '    actions:', ...actions.map((each) => `      - ${each}`)]
  return loadRulesFromText([{ path: '/r.yaml', name: 'r.yaml', text: text.join('\n') }], {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: 'redis://cache', allowCidrs: [] },
    actionTypes: actionTypes(),
  }).ruleSet.rules[0]!
}

/** What is wrong, for a test that says this behind `expect:`. */
function wrong(rule: Rule, written: string, event = EVENT): readonly string[] {
  const reporter = new Reporter()
  const root = parseYaml({ text: written, file: 't.yaml', code: 'X' }, reporter)
  if (reporter.problems.length > 0) throw new Error(reporter.problems[0]!.message)
  const node = root?.tag === 'map' ? entryOf(root, 'expect')?.value : undefined
  const expectation = readExpectation(node, rule)
  if ('message' in expectation) return [`refused: ${expectation.message} → ${expectation.hint}`]
  return unmet(expectation, explainRule(rule, sampleChange(event)), rule)
}

const WEBHOOK =
  '{type: webhook, url: "https://crm.test/users/{{id}}?a=b", headers: {X-Source: "shop-{{id}}"}, method: PUT, body: {user: {id: "{{id}}", email: "{{email}}"}, tags: [a, b]}}'

describe('What each type of action sends is written as people see it', () => {
  test.each([
    [
      WEBHOOK,
      'webhook: {method: PUT, url: "https://crm.test/users/1?a=b", headers: {x-source: shop-1}, body: {user: {id: 1, email: ada@example.com}, tags: [a, b]}}',
    ],
    [WEBHOOK, 'webhook: {body: {user: {id: 1}}}'],
    ['{type: webhook, url: "https://x.test/"}', 'webhook: {method: POST, body: {op: insert, new: {id: 1}}}'],
    ['{type: redis, cmd: DEL, key: "u:{{id}}"}', 'redis: {cmd: DEL, key: "u:1"}'],
    ['{type: redis, cmd: DEL, keys: ["a:{{id}}", "b:{{id}}"]}', 'redis: {cmd: DEL, keys: ["a:1", "b:1"]}'],
    ['{type: redis, cmd: SET, key: "u:{{id}}", value: "{{email}}", ttl: 1m}', 'redis: {cmd: SET, key: "u:1"}'],
    ['{type: redis, cmd: SADD, key: set, member: "{{id}}"}', 'redis: {cmd: SADD, args: [1]}'],
    [
      '{type: kafka, brokers: ["k:9092"], topic: "t.{{table}}", headers: {h: "{{id}}"}, value: {n: "{{id}}"}}',
      'kafka: {topic: t.users, headers: {h: 1}, value: {n: 1}}',
    ],
    [
      '{type: event, event: {stream: "user-{{id}}", type: user.created, payload: {id: "{{id}}"}, expectedVersion: no-stream}}',
      'event: {stream: user-1, expectedVersion: no-stream, type: user.created, payload: {id: 1}, source: internal}',
    ],
    ['{type: nats, url: "nats://n", subject: "s.{{id}}", body: {n: "{{id}}"}}', 'nats: {subject: s.1, body: {n: 1}}'],
    [
      '{type: rabbitmq, url: "amqp://r", exchange: e, routingKey: "k.{{id}}"}',
      'rabbitmq: {exchange: e, routingKey: k.1, body: {op: insert}}',
    ],
    [
      '{type: grpc, address: "g:1", method: mail.Mailer/Send, message: {to: "{{email}}"}, metadata: {m: "{{id}}"}}',
      'grpc: {method: mail.Mailer/Send, message: {to: ada@example.com}, metadata: {M: 1}}',
    ],
    [
      '{type: sql, url: "mysql://d/x", statement: "INSERT INTO t VALUES (?, ?)", params: ["{{id}}", "{{email}}"]}',
      'sql: {statement: "INSERT INTO t VALUES (?, ?)", params: [1, ada@example.com]}',
    ],
    ['{type: log, body: {who: "{{email}}"}}', 'log: {body: {who: ada@example.com}}'],
  ])('%s', (action, expected) => {
    expect(wrong(ruleWith(action), `expect: {${expected}}`)).toEqual([])
  })
})

describe('What is not as expected', () => {
  const rule = ruleWith(WEBHOOK, '{type: redis, cmd: DEL, key: "u:{{id}}", when: "new.id > 5"}')

  test.each([
    [
      '{webhook: {url: "https://crm.test/"}}',
      ['webhook url: expected "https://crm.test/", got "https://crm.test/users/1?a=b"'],
    ],
    [
      '{webhook: {method: POST, body: {user: {id: "1", name: x}, tags: [a]}}}',
      [
        'webhook method: expected "POST", got "PUT"',
        'webhook body.user.id: expected "1", got 1',
        'webhook body.user.name: expected "x", got nothing',
        'webhook body.tags: expected ["a"], got ["a","b"]',
      ],
    ],
    ['{webhook: {headers: {x-other: 1}}}', ['webhook headers.x-other: expected 1, got nothing']],
    ['{redis: {key: "u:1"}}', ['redis is skipped: its `when` is false']],
    ['[{webhook: {}}, {webhook: {}}]', ['webhook: expected one more action, got none']],
    ['no match', ['expected no match, got match']],
  ])('is reported by its path: %s', (written, lines) => {
    expect(wrong(rule, `expect: ${written}`)).toEqual(lines)
  })

  test('null expects that nothing is sent', () => {
    expect(wrong(rule, 'expect: {redis: null, webhook: {method: PUT}}')).toEqual([])
    expect(wrong(rule, 'expect: {webhook: null}')[0]).toContain('webhook expected nothing, got {"method":"PUT"')
  })

  test('two actions of a type are matched whichever comes first', () => {
    const two = ruleWith('{type: redis, cmd: DEL, key: "a:{{id}}"}', '{type: redis, cmd: DEL, key: "b:{{id}}"}')
    expect(wrong(two, 'expect: [{redis: {key: "b:1"}}, {redis: {key: "a:1"}}]')).toEqual([])
    expect(wrong(two, 'expect: [{redis: {key: "b:1"}}, {redis: {key: "c:1"}}]')).toEqual([
      'redis key: expected "c:1", got "a:1"',
    ])
  })

  test('a template that fails is reported as an error', () => {
    const event: SampleEvent = { ...EVENT, new: { id: null } }
    const failing = ruleWith('{type: redis, cmd: DEL, key: "u:{{id}}"}')
    expect(wrong(failing, 'expect: {redis: {key: "u:1"}}', event)[0]).toContain('redis fails: BINGO_TEMPLATE_NULL')
  })

  test.each([
    ['name: x', 'refused: the test has no "expect" → write match, no match, error, or what an action sends'],
    ['expect:', 'refused: the test has no "expect"'],
    ['expect: matches', 'refused: "matches" is not a valid value of expect → did you mean "match"?'],
    ['expect: {kafka: {topic: t}}', 'refused: rule "r" has no action "kafka" → its actions: webhook, redis'],
    ['expect: [match]', 'refused: each entry of expect must be a map'],
  ])('a test without a usable expectation is refused: %s', (written, message) => {
    expect(wrong(rule, written)[0]).toContain(message)
  })
})
