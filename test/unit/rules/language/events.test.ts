import { describe, expect, test } from 'vitest'
import { EVENT_SHAPE } from '../../../../src/model/event/posted/posted-event.ts'
import type { Change } from '../../../../src/model/event/change.ts'
import { compilePredicate } from '../../../../src/rules/language/cel/predicate.ts'
import { inlineText } from '../../../../src/rules/language/source-text.ts'
import type { SourceText } from '../../../../src/rules/language/source-text.ts'
import { compileTemplate } from '../../../../src/rules/language/template/template.ts'
import { ADA, changeOf } from '../../../support/match-tables.ts'
import { posted } from '../../../support/posted-events.ts'
import { rulesFrom } from '../../../support/rules-from-text.ts'

const text = (source: string): SourceText => ({ ...inlineText(source), scope: 'events' })
const holds = (source: string, change: Change): boolean => compilePredicate(text(source)).bind(change.table)(change)
const render = (source: string, change: Change, strict = false): string =>
  compileTemplate(text(source), { strict }).bind(change.table)(change)

const ORDER = posted({
  key: 'order-17',
  payload: {
    plan: 'pro',
    total: 12.5,
    count: 3,
    big: 9007199254740993n,
    items: [
      { sku: 'x', n: 1 },
      { sku: 'y', n: 2 },
    ],
    none: null,
  },
  context: { region: 'eu' },
  metadata: { try: 1 },
  userId: '7',
  source: 'frontend',
})
const ROW = changeOf({ ...ADA, status: 0 }, ADA)

describe('CEL over a posted event', () => {
  test.each([
    "payload.plan == 'pro'",
    "event.payload.plan == 'pro'",
    'payload.count == 3 && payload.total > 12.0',
    'payload.big == 9007199254740993',
    "payload.items.exists(item, item.sku == 'y' && item.n == 2)",
    "payload.items[1].sku == 'y'",
    'size(payload.items) == 2',
    'payload.none == null',
    'has(payload.plan) && !has(payload.nothing)',
    "'plan' in payload && !('nothing' in payload)",
    "payload.?nothing.orValue('x') == 'x'",
    "payload.?plan.orValue('x') == 'pro'",
    "context.region == 'eu'",
    'metadata.try == 1',
    "key == 'order-17' && event.key == key",
    "event.id == 'e1' && event.type == 'orders.order.create' && event.source == 'frontend'",
    "event.userId == '7' && event.sessionId == null",
    "timestamp(event.timestamp) == ts && ts == timestamp('2026-11-28T10:00:00Z')",
    'event.isTest == false && event.hops == 0',
    "event['payload']['plan'] == 'pro'",
    "!has(payload.constructor) && !('toString' in payload)",
  ])('%s', (source) => {
    expect(holds(source, ORDER)).toBe(true)
  })

  test.each([
    ['payload.nothing == 1', 'BINGO_FILTER_FAILED'],
    ['payload.plan > 1', 'BINGO_FILTER_FAILED'],
    ['payload.plan', 'BINGO_FILTER_NOT_BOOL'],
    ['new.plan == 1', 'BINGO_NOT_OF_EVENT'],
    ["op == 'event'", 'BINGO_NOT_OF_EVENT'],
  ])('%s is an error', (source, code) => {
    expect(() => holds(source, ORDER)).toThrow(expect.objectContaining({ code }))
  })

  test.each([
    "new.status == 1 && old.status == 0 && op == 'update'",
    "payload.new.status == 1 && 'status' in payload.changed",
    "event.type == 'shop.users.update' && event.source == 'database'",
    'event.payload.old.status == 0 && event.new.status == 1',
    'payload.key.id == 101 && key.id == 101',
    "event.table == 'users' && event.id.endsWith('/3')",
    '!has(context.region)',
  ])('a row is an event too: %s', (source) => {
    expect(holds(source, ROW)).toBe(true)
  })

  test('of a row reads the columns that its variables hold', () => {
    const reads = (source: string): unknown => compilePredicate(text(source)).reads(ROW.table)
    expect(reads("event.type == 'x'")).toEqual({ new: new Set(), old: new Set() })
    expect(reads('payload.new.status == 1')).toEqual({ new: 'all', old: 'all' })
    expect(reads('new.status == 1')).toEqual({ new: new Set(['status']), old: new Set() })
  })
})

describe('Templates over a posted event', () => {
  test.each([
    ['{{payload.plan}} {{event.payload.total}}', 'pro 12.5'],
    ['{{payload.items.[1].sku}}', 'y'],
    ['{{#each payload.items}}{{sku}}{{n}},{{/each}}', 'x1,y2,'],
    ['{{#each payload.items}}{{../key}}{{/each}}', 'order-17order-17'],
    ['{{id}} {{type}} {{source}} {{key}} {{userId}}', 'e1 orders.order.create frontend order-17 7'],
    ['{{event.id}} {{event.type}} {{event.key}} {{event.source}}', 'e1 orders.order.create order-17 frontend'],
    ['{{context.region}} {{metadata.try}}', 'eu 1'],
    ['{{ts}} {{timestamp}}', '2026-11-28T10:00:00.000Z 2026-11-28T10:00:00.000Z'],
    ['{{payload.nothing}}{{payload.none}}{{payload.plan.deeper}}', ''],
    ['{{default payload.nothing "x"}}', 'x'],
    ['{{payload.big}}', '9007199254740993'],
    ['{{json payload.items}}', '[{"sku":"x","n":1},{"sku":"y","n":2}]'],
  ])('%s', (source, wanted) => {
    expect(render(source, ORDER)).toBe(wanted)
  })

  test('{{event}} is what was posted, as JSON shows it', () => {
    expect(JSON.parse(render('{{json event}}', ORDER))).toMatchObject({
      id: 'e1',
      type: 'orders.order.create',
      payload: { plan: 'pro' },
      timestamp: '2026-11-28T10:00:00.000Z',
      deliverAt: null,
      isTest: false,
    })
  })

  test.each([
    ['{{payload.nothing}}', 'BINGO_TEMPLATE_NULL'],
    ['{{payload.items}}', 'BINGO_TEMPLATE_OBJECT'],
    ['{{new.id}}', 'BINGO_NOT_OF_EVENT'],
    ['{{op}}', 'BINGO_NOT_OF_EVENT'],
    ['{{email}}', 'BINGO_NOT_OF_EVENT'],
  ])('%s is an error in a strict template', (source, code) => {
    expect(() => render(source, ORDER, true)).toThrow(expect.objectContaining({ code }))
  })

  test.each([
    ['{{new.status}} {{name}} {{key.id}} {{op}}', '1 Ada 101 update'],
    ['{{id}}', '101'],
    ['{{event.type}} {{event.source}}', 'shop.users.update database'],
    ['{{payload.old.status}} {{payload.new.status}}', '0 1'],
    ['{{json payload.key}}', '{"id":101}'],
  ])('of a row: %s', (source, wanted) => {
    expect(render(source, ROW)).toBe(wanted)
  })
})

test('A template of a rule on tables keeps its meaning: payload, context and key are columns there', () => {
  const [rule] = rulesFrom(
    'rules: [{id: r, table: users, actions: [{type: redis, cmd: SET, key: "{{id}}", value: "{{payload}}"}]}]',
  )
  expect(() => rule!.actions[0]!.bind(ROW.table)).toThrow('reads column "payload"')
})

test('A rule key orders posted events', () => {
  const [rule] = rulesFrom('rules: [{id: r, on: orders.placed, key: "{{payload.plan}}", actions: [{type: log}]}]')
  expect(rule!.key!.of(ORDER)).toEqual({ present: 'key\0\0pro', previous: null })
  expect(() => rule!.key!.bind(EVENT_SHAPE)).not.toThrow()
})
