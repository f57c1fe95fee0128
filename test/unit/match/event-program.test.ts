import { describe, expect, test } from 'vitest'
import { Matcher } from '../../../src/match/matcher.ts'
import type { PostedEvent } from '../../../src/model/event/posted/posted-event.ts'
import type { Rule } from '../../../src/model/rule/rule.ts'
import { posted, RecordingSink } from '../../support/posted-events.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import { fc } from '../../support/properties.ts'

const noDecoder = (): never => {
  throw new Error('no rows here')
}
const matcherOf = (rules: readonly Rule[]): Matcher => new Matcher({ rules, files: [] }, noDecoder)

function sinkFor(matcher: Matcher, event: PostedEvent): RecordingSink {
  const sink = new RecordingSink()
  matcher.eventProgram(event)?.run(event, 0, sink)
  return sink
}

/** One line of flow style per rule, without id and actions. */
const rulesOf = (...lines: readonly string[]): readonly Rule[] =>
  rulesFrom(
    `rules:\n${lines.map((line, i) => `  - {id: r${i}, ${line}, actions: [{type: log, body: {n: ${i}}}]}`).join('\n')}`,
  )
const matched = (lines: readonly string[], event: PostedEvent): readonly string[] =>
  sinkFor(matcherOf(rulesOf(...lines)), event).rules

describe('A posted event finds its rules', () => {
  test('by its type, in the order of the rules', () => {
    const lines = ['on: "*"', 'on: orders.order.create', 'on: orders.order.update', 'on: "orders.**"', 'table: orders']
    expect(matched(lines, posted())).toEqual(['r0', 'r1', 'r3'])
  })

  test('by its source and by whether it is a test', () => {
    const lines = [
      'on: "*", source: api',
      'on: "*", source: [frontend, api]',
      'on: "*", test: exclude',
      'on: "*", test: only',
      'on: "*", source: database',
    ]
    expect(matched(lines, posted({ source: 'frontend' }))).toEqual(['r1', 'r2'])
    expect(matched(lines, posted({ source: 'api', isTest: true }))).toEqual(['r0', 'r1', 'r3'])
  })

  test('by pattern and filter, and the filter is asked only where the pattern matches', () => {
    const lines = ['on: "*", match: {payload: {a: 1}}, filter: "payload.b == 2"', 'on: "*", filter: "payload.b == 2"']
    expect(sinkFor(matcherOf(rulesOf(...lines)), posted({ payload: { a: 2 } })).seen).toEqual([
      'r1#0 BINGO_FILTER_FAILED',
    ])
    expect(matched(lines, posted({ payload: { a: 1, b: 2 } }))).toEqual(['r0', 'r1'])
  })

  test('never by one that is manual, or is for rows', () => {
    expect(matched(['on: "*", manual: true', 'on: "*", filter: "new.id == 1"'], posted())).toEqual([])
  })

  test('by their ids alone when they are invoked, whatever they say of events', () => {
    const lines = ['on: "**"', 'on: a.b, manual: true, source: x, match: {payload: {a: 1}}, filter: "payload.b == 2"']
    const invoke = (rule: string) => posted({ type: 'bingo.rule.invoke', metadata: { invoke: rule } })
    expect(matched(lines, invoke('r1'))).toEqual(['r1'])
    expect(matched(lines, invoke('r0'))).toEqual(['r0'])
    expect(matched(lines, invoke('gone'))).toEqual([])
  })

  test('with what their actions render', () => {
    const rules = rulesFrom(
      'rules: [{id: r, on: orders.**, actions: [{type: redis, cmd: DEL, key: "o:{{payload.id}}"}, {type: redis, cmd: DEL, key: "x", when: "payload.id > 5"}]}]',
    )
    const matcher = matcherOf(rules)
    expect(sinkFor(matcher, posted({ payload: { id: 7 } })).seen).toHaveLength(2)
    expect(sinkFor(matcher, posted({ payload: { id: 3 } })).seen).toHaveLength(1)
    expect(sinkFor(matcher, posted({ payload: {} })).seen).toEqual([
      'r#0 BINGO_TEMPLATE_NULL',
      'r#1 BINGO_FILTER_FAILED',
    ])
  })

  test('after thousands of types that senders made up', () => {
    const matcher = matcherOf(rulesOf('on: "orders.**"'))
    for (let i = 0; i < 10_000; i++) sinkFor(matcher, posted({ type: `made.up.${i}` }))
    expect(sinkFor(matcher, posted()).rules).toEqual(['r0'])
  })
})

const values = fc.constantFrom('a', 'ab', 'abc', 'b', 0, 1, 5, 9, true, null, 9007199254740993n)
const tree = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    { weight: 4, arbitrary: values },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 2, arbitrary: fc.dictionary(fc.constantFrom('x', 'y', 'z'), tie('value'), { noNullPrototype: true }) },
  ),
})).value
const clause = fc.oneof(
  fc.constantFrom('[a]', '[b, abc]', '[1]', '[5, 9]', '[true]', '[9007199254740993]', 'null', '[]', '{}'),
  fc.constantFrom('a', 'ab', 'b', '""').map((text) => `[{$startsWith: ${text}}]`),
  fc.constantFrom('a', 'bc', 'b').map((text) => `[{$endsWith: ${text}}]`),
  fc.constantFrom('a', '1', '9007199254740993', 'true').map((value) => `[{$includes: ${value}}]`),
  fc.constantFrom('0', '1', '5').map((value) => `[{$gte: ${value}}]`),
  fc.constantFrom('1', '5', '9007199254740993').map((value) => `[{$lt: ${value}}]`),
  fc.constantFrom('[1, 5]', '[5, 1]').map((ends) => `[{$between: ${ends}}]`),
  fc.constantFrom('a', '1').map((value) => `[{$not: ${value}}, {$exists: true}]`),
)
const pattern = fc.oneof(
  fc.tuple(clause, clause).map(([x, y]) => `{payload: {x: ${x}, y: ${y}}}`),
  clause.map((x) => `{payload: {z: {x: ${x}}}}`),
  clause.map((x) => `{payload: {x: ${x}}}`),
)

test('Looking patterns up finds the same rules as evaluating each of them', () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { minLength: 8, maxLength: 40 }),
      fc.array(tree, { minLength: 1, maxLength: 8 }),
      (patterns, payloads) => {
        const rules = rulesOf(...patterns.map((each) => `on: "*", match: ${each}`))
        const matcher = matcherOf(rules)
        for (const payload of payloads) {
          const event = posted({ payload: payload as never })
          const wanted = rules.filter(({ match }) => match!.bind(event.table)(event)).map(({ id }) => id)
          expect(sinkFor(matcher, event).rules).toEqual(wanted)
        }
      },
    ),
    { numRuns: 60 },
  )
})

const constant = fc.constantFrom("'a'", "'ab'", '1', '5', '9', 'true')
const place = fc.constantFrom('payload.x', 'event.payload.y', 'payload.z.x', "payload['x']")
const filter = fc.oneof(
  fc.tuple(place, constant).map(([at, value]) => `${at} == ${value}`),
  fc.tuple(place, constant).map(([at, value]) => `${value} == ${at} && payload.y != 'b'`),
  fc.tuple(place, constant, constant).map(([at, one, other]) => `${at} in [${one}, ${other}]`),
  fc.tuple(place, constant).map(([at, value]) => `payload.?x.hasValue() && ${at} == ${value}`),
  fc.tuple(place, constant).map(([at, value]) => `payload.y > 1 && ${at} == ${value}`),
)

test('Looking filters up gives the same matches and errors as evaluating each of them', () => {
  fc.assert(
    fc.property(
      fc.array(filter, { minLength: 8, maxLength: 30 }),
      fc.array(tree, { minLength: 1, maxLength: 8 }),
      (filters, payloads) => {
        const rules = rulesOf(...filters.map((each) => `on: "*", filter: ${JSON.stringify(each)}`))
        const matcher = matcherOf(rules)
        const alone = rules.map((rule) => matcherOf([rule]))
        for (const payload of payloads) {
          const event = posted({ payload: payload as never })
          expect(sinkFor(matcher, event).seen).toEqual(alone.flatMap((each) => sinkFor(each, event).seen))
        }
      },
    ),
    { numRuns: 25 },
  )
})

test('Of a thousand filters on one field only those are evaluated whose value is there, or all where it is missing', () => {
  const lines = Array.from({ length: 1_000 }, (_, i) => `on: "*", filter: "payload.plan == 'p${i}' && payload.n > 0"`)
  let evaluated = 0
  const rules = rulesOf(...lines).map((rule) => {
    const bind: NonNullable<Rule['filter']>['bind'] = (table) => {
      const holds = rule.filter!.bind(table)
      return (change) => {
        evaluated += 1
        return holds(change)
      }
    }
    return { ...rule, filter: { ...rule.filter!, bind } }
  })
  const matcher = matcherOf(rules)
  expect(sinkFor(matcher, posted({ payload: { plan: 'p7', n: 1 } })).rules).toEqual(['r7'])
  expect(evaluated).toBe(1)
  expect(sinkFor(matcher, posted({ payload: { n: 1 } })).seen).toHaveLength(1_000)
})

test('Of a thousand patterns only those are evaluated whose value is there', () => {
  const lines = Array.from(
    { length: 1_000 },
    (_, i) => `on: "*", match: {payload: {country: DE, plan: [p${i}], n: [{$gte: 0}]}}`,
  )
  const rules = rulesOf(...lines)
  let evaluated = 0
  const counting = rules.map((rule) => {
    const bind: NonNullable<Rule['match']>['bind'] = (table) => {
      const holds = rule.match!.bind(table)
      return (change) => {
        evaluated += 1
        return holds(change)
      }
    }
    return { ...rule, match: Object.assign(Object.create(rule.match), { bind }) as NonNullable<Rule['match']> }
  })
  const event = posted({ payload: { country: 'DE', plan: 'p7', n: 1 } })
  expect(sinkFor(matcherOf(counting), event).rules).toEqual(['r7'])
  expect(evaluated).toBe(1)
})

test('A pattern or filter that many rules share is evaluated once per event', () => {
  const lines = Array.from({ length: 50 }, () => 'on: "*", match: {payload: {a: [{$not: 1}]}}')
  const rules = rulesOf(...lines)
  let evaluated = 0
  const shared = rules[0]!.match!
  const bind: typeof shared.bind = (table) => {
    const holds = shared.bind(table)
    return (change) => {
      evaluated += 1
      return holds(change)
    }
  }
  const match = Object.assign(Object.create(shared), { bind }) as typeof shared
  const matcher = matcherOf(rules.map((rule) => ({ ...rule, match })))
  expect(sinkFor(matcher, posted({ payload: { a: 2 } })).rules).toHaveLength(50)
  expect(sinkFor(matcher, posted({ payload: { a: 2 } })).rules).toHaveLength(50)
  expect(evaluated).toBe(2)
})
