import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../src/model/rule/rule.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import { actionTypes } from '../../../src/targets/registry.ts'
import { USERS } from '../../support/match-tables.ts'
import { problemsIn, rulesFrom } from '../../support/rules-from-text.ts'

/** A rule with these lines at the level of its keys; a log action where none is given. */
const text = (...lines: string[]): string =>
  [
    'rules:',
    '  - id: r',
    ...lines.map((line) => `    ${line}`),
    ...(lines.some((line) => line.startsWith('actions:')) ? [] : ['    actions: [{type: log}]']),
  ].join('\n')
const ruleOf = (...lines: string[]): Rule => rulesFrom(text(...lines))[0]!
const kindsOf = (...lines: string[]): readonly string[] => [...ruleOf(...lines).on!.kinds].toSorted()

describe('A rule with on', () => {
  test.each([
    ['orders.order.create', ['orders.order.create'], ['orders.order.update', 'orders.order', 'x.orders.order.create']],
    ['orders.*.create', ['orders.order.create'], ['orders.create', 'orders.a.b.create']],
    ['orders.**', ['orders.order.create', 'orders.a', 'orders'], ['order.a']],
    ['"*"', ['a', 'a.b.c'], []],
    ['"**"', ['a', 'a.b.c'], []],
    ['"*.created"', ['a.created'], ['created', 'a.b.created']],
    ['[a.b, "c.*"]', ['a.b', 'c.d'], ['a.c', 'c']],
  ])('%s matches types by their parts', (on, yes, no) => {
    const rule = ruleOf(`on: ${on}`, 'source: api')
    expect(yes.filter((type) => !rule.on!.matches(type))).toEqual([])
    expect(no.filter((type) => rule.on!.matches(type))).toEqual([])
  })

  test('listens to row changes by the type that they have', () => {
    const { listensTo, matchesTable } = ruleOf('on: [shop.users.create, "shop.orders.*", shop.log.truncate]')
    expect(listensTo('insert', 'shop', 'users')).toBe(true)
    expect(listensTo('update', 'shop', 'users')).toBe(false)
    expect(listensTo('delete', 'shop', 'orders')).toBe(true)
    expect(listensTo('truncate', 'shop', 'log')).toBe(true)
    expect(matchesTable('shop', 'users')).toBe(true)
    expect(matchesTable('crm', 'users')).toBe(false)
  })

  test('does not listen to TRUNCATE and DDL, which have no rows, by a wildcard', () => {
    const { listensTo } = ruleOf('on: "shop.**"')
    expect(listensTo('truncate', 'shop', 'users')).toBe(false)
    expect(listensTo('ddl', 'shop', 'users')).toBe(false)
    expect(listensTo('event', 'shop', 'users')).toBe(false)
  })
})

describe('What a rule with on is for follows from its types and sources, and from what it reads', () => {
  test.each<[readonly string[], readonly string[]]>([
    [['on: shop.users.create'], ['posted', 'row']],
    [['on: orders.placed'], ['posted']],
    [['on: shop.users.create', 'source: database'], ['row']],
    [['on: shop.users.create', 'source: [api, frontend]'], ['posted']],
    [
      ['on: shop.users.create', 'source: [api, database]'],
      ['posted', 'row'],
    ],
    [['on: shop.users.create', 'test: only'], ['posted']],
    [['on: shop.users.create', "filter: 'new.status == 1'"], ['row']],
    [['on: shop.users.create', "filter: 'new.?status.hasValue()'"], ['row']],
    [['on: shop.users.create', 'filter: \'"status" in changed\''], ['row']],
    [['on: shop.users.create', 'filter: \'payload.plan == "pro"\''], ['posted']],
    [['on: shop.users.create', 'filter: \'event.payload.items.exists(new, new.sku == "x")\''], ['posted']],
    [['on: shop.users.create', 'filter: \'context.region == "eu"\''], ['posted']],
    [['on: shop.users.create', "filter: 'event.userId != null'"], ['posted']],
    [['on: shop.users.create', 'filter: \'key == "a"\''], ['posted']],
    [['on: shop.users.create', "filter: 'key.id == 1'"], ['row']],
    [
      ['on: shop.users.create', "filter: 'payload.new.status == 1'"],
      ['posted', 'row'],
    ],
    [
      ['on: shop.users.create', 'filter: \'event.type.startsWith("shop")\''],
      ['posted', 'row'],
    ],
    [['on: shop.users.create', 'match: {payload: {plan: pro}}'], ['posted']],
    [
      ['on: shop.users.create', 'match: {payload: {new: {status: 1}}}'],
      ['posted', 'row'],
    ],
    [['on: shop.users.create', 'match: {old: {status: 1}}'], ['row']],
    [['on: shop.users.create', 'match: {key: [a]}'], ['posted']],
    [
      ['on: shop.users.create', 'match: {type: [shop.users.create]}'],
      ['posted', 'row'],
    ],
    [['on: shop.users.create', 'key: "{{payload.customer}}"'], ['posted']],
    [['on: shop.users.create', 'key: "{{customer_id}}"'], ['row']],
    [['on: shop.users.create', 'actions: [{type: redis, cmd: DEL, key: "u:{{payload.id}}"}]'], ['posted']],
    [['on: shop.users.create', 'actions: [{type: redis, cmd: DEL, key: "u:{{email}}"}]'], ['row']],
    [
      ['on: shop.users.create', 'actions: [{type: redis, cmd: DEL, key: "u:{{event.id}}"}]'],
      ['posted', 'row'],
    ],
    [['on: shop.users.create', 'actions: [{type: log, when: "has(payload.x)"}]'], ['posted']],
  ])('%s → %s', (lines, kinds) => {
    expect(kindsOf(...lines)).toEqual(kinds)
  })
})

describe('What is wrong with a rule with on has its place and says what would be right', () => {
  test.each<[string, readonly string[], string]>([
    [
      'no type',
      ['on: []'],
      '3:9 BINGO_RULE_VALUE on is empty: the rule would never match → write parts with dots between them: orders.order.create, orders.*.create, orders.**, or * for everything',
    ],
    [
      'an empty part',
      ['on: [a.b, orders..create]'],
      '3:15 BINGO_RULE_VALUE "orders..create" is not a valid type or pattern of types → write parts with dots between them: orders.order.create, orders.*.create, orders.**, or * for everything',
    ],
    [
      'half a part',
      ['on: orders.ord*'],
      '3:9 BINGO_RULE_VALUE "orders.ord*" is not a valid type or pattern of types → write parts with dots between them: orders.order.create, orders.*.create, orders.**, or * for everything',
    ],
    [
      '** in the middle',
      ['on: a.**.b'],
      '3:9 BINGO_RULE_VALUE "a.**.b" is not a valid type or pattern of types → write parts with dots between them: orders.order.create, orders.*.create, orders.**, or * for everything',
    ],
    [
      'a table beside',
      ['on: a.b', 'table: users'],
      '4:5 BINGO_RULE_VALUE "table" and "on" exclude each other → types name tables and operations too: on: shop.users.create',
    ],
    [
      'source on tables',
      ['table: users', 'source: api'],
      '4:5 BINGO_RULE_VALUE "source" is for rules with on: instead of table: → write for example on: shop.users.create',
    ],
    [
      'a wrong test',
      ['on: a.b', 'test: no'],
      '4:11 BINGO_RULE_VALUE "no" is not a valid value of test → write one of exclude, only, any',
    ],
    [
      'rows alone, by a type that none has',
      ['on: orders.placed', 'source: database'],
      '3:9 BINGO_RULE_EVENT_KIND no row change has such a type: they end in create, update, delete, and source names only the database → correct on, or source',
    ],
    [
      'rows and posted events',
      ['on: shop.users.create', "filter: 'new.a == 1'", 'match: {payload: {b: 1}}'],
      '4:14 BINGO_RULE_EVENT_KIND reads new.a, which only rows have, and payload, which only posted events have → write payload.a, or write source: database where the rule is for rows',
    ],
    [
      'a row of posted events',
      ['on: shop.users.create', 'source: api', "filter: 'payload.a == 1 && old.b == 2'"],
      '5:32 BINGO_RULE_EVENT_KIND reads old.b, which posted events do not have → write payload.b',
    ],
    [
      'the payload of rows',
      ['on: shop.users.create', 'source: database', 'key: "{{payload.a}}"'],
      '5:13 BINGO_RULE_EVENT_KIND reads payload.a, which changes of rows do not have → write new.a',
    ],
    [
      'an id that can be of either',
      ['on: shop.users.create', 'actions: [{type: redis, cmd: DEL, key: "u:{{id}}"}]'],
      '4:49 BINGO_RULE_EVENT_KIND {{id}} is a column of a row and the id of a posted event, and the rule matches both → write {{new.id}} or {{event.id}}, or write source: database where the rule is for rows',
    ],
    [
      'a member that no event has',
      ['on: a.b', "filter: 'event.paylod.x == 1'"],
      '4:14 BINGO_RULE_EVENT_KIND events have no "paylod.x" → it has id, type, source, key, payload, context, metadata, userId and so on: see events.md',
    ],
    [
      'a member of a template',
      ['on: a.b', 'actions: [{type: redis, cmd: DEL, key: "{{event.paylod}}"}]'],
      '4:47 BINGO_RULE_BAD_TEMPLATE the event has no "paylod" → did you mean event.payload?',
    ],
    [
      'a pattern of no field',
      ['on: a.b', 'match: {paylod: {a: 1}}'],
      '4:13 BINGO_RULE_BAD_MATCH an event has no field "paylod" → did you mean "payload"?',
    ],
    [
      'an unknown variable',
      ['on: a.b', "filter: 'plan == 1'"],
      '4:14 BINGO_RULE_BAD_FILTER Unknown variable: plan → write payload.plan, or new.plan for a column; other variables: new, old, NewRow, OldRow, key, op, schema, table, changed, ts, gtid, serverId, txId, lookup, threshold, event, payload, context, metadata',
    ],
    [
      'a payload of rules on tables',
      ['table: users', "filter: 'payload == 1'"],
      '4:14 BINGO_RULE_BAD_FILTER Unknown variable: payload → posted events are for rules with on: instead of table:',
    ],
    [
      'a key that is constant',
      ['on: a.b', 'key: customer'],
      '4:10 BINGO_RULE_VALUE key is the same for every row → write key: "{{payload.customer}}"',
    ],
  ])('%s', (_name, lines, problem) => {
    expect(problemsIn(text(...lines))).toEqual([problem])
  })

  test('a rule needs tables or types', () => {
    expect(problemsIn(text())).toEqual([
      '2:5 BINGO_RULE_MISSING a rule needs "table" or "on" → write table: users, table: shop.*, or a list; or on: orders.order.create for events by their type',
    ])
  })
})

test('A rule for rows alone is checked against the tables of the source, its types too', () => {
  const check = (...lines: string[]): readonly string[] =>
    loadRulesFromText([{ path: '/r/a.yaml', name: 'a.yaml', text: text(...lines) }], {
      baseDir: process.cwd(),
      targets: new Map(),
      defaults: { redisUrl: undefined, allowCidrs: [] },
      actionTypes: actionTypes(),
      tables: [USERS],
    }).warnings.map(({ location, message, hint }) => `${location?.line}:${location?.column} ${message} → ${hint}`)
  expect(check('on: [shop.usres.create, shop.users.update]', 'source: database')).toEqual([
    '3:10 no visible table matches "shop.usres.create" → did you mean "shop.users.create"?',
  ])
  expect(check('on: "shop.**"', "filter: 'new.status == 1'")).toEqual([])
  expect(check('on: shop.usres.create')).toEqual([])
  expect(() => check('on: shop.users.create', "filter: 'new.statsu == 1'")).toThrow('statsu')
})
