import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventSchema } from '../../../src/events/post-schema.ts'
import { simpleEvent } from '../../../src/events/simple-event.ts'
import { parseJson } from '../../../src/model/json/strict-json.ts'

const word = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('', 'a', 'a.b', 'a..b', 'a b', 'a\0', 'ключ', '\ud800', '*', 'x'.repeat(255), 'x'.repeat(600)),
)
const odd = fc.constantFrom<unknown>(null, 0, 1, -1, 1.5, 1e300, true, false, [], {}, { a: 1 }, 'JSON', 'REQUEST')
const member = fc.oneof({ weight: 3, arbitrary: word }, { weight: 1, arbitrary: odd })
const time = fc.constantFrom<unknown>(
  0,
  1_700_000_000_000,
  253_402_300_799_999,
  253_402_300_800_000,
  '2026-11-28T10:00:00Z',
)

/** Some members, whatever may be said of an event and more. */
const event = fc.record(
  {
    id: member,
    type: member,
    name: member,
    source: member,
    key: member,
    payload: fc.jsonValue(),
    context: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), odd),
    metadata: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), odd),
    userId: member,
    sessionId: member,
    accountId: member,
    correlationId: member,
    causationId: member,
    traceparent: member,
    timestamp: fc.oneof(time, odd),
    isTest: odd,
    payloadType: member,
    other: member,
  },
  { requiredKeys: [] },
)

/** As a request has it: maps without prototypes. */
const parsed = (value: unknown): unknown => {
  try {
    return parseJson(JSON.stringify(value), 100)
  } catch {
    return null
  }
}

test('takes what the schema takes, and makes the same of it, or leaves it to the schema', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        event,
        event.map((each) => ({ ...each, type: 'orders.order.create', name: undefined })),
      ),
      (input) => {
        for (const [value, isParsed] of [[parsed(input), true] as const, [input, false] as const]) {
          const { data } = eventSchema.safeParse(value)
          expect(simpleEvent(value, isParsed) ?? data).toEqual(data)
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

test.each([
  ['a type alone', { type: 'orders.order.create' }],
  ['a name alone', { name: 'заказ.создан' }],
  [
    'every member',
    {
      id: '1',
      type: 'a',
      name: 'a',
      source: 'frontend',
      key: 'order 17',
      payload: { list: [1, null] },
      context: { ip: '::1' },
      metadata: {},
      userId: 'u',
      sessionId: null,
      accountId: 'a',
      correlationId: 'c',
      causationId: null,
      traceparent: '00-1-2-03',
      timestamp: 1_700_000_000_000,
      isTest: true,
      payloadType: 'JSON',
    },
  ],
])('does not need the schema for %s', (_what, input) => {
  const value = parsed(input)
  expect(simpleEvent(value, true)).toEqual(eventSchema.parse(value))
})

test('leaves to the schema what may be more than it seems', () => {
  class Posted {
    type = 'a'
    get key(): string {
      return 'k'
    }
  }
  expect(simpleEvent(new Posted(), false)).toBeUndefined()
  expect(simpleEvent({ type: 'a', payload: new Date() }, false)).toBeUndefined()
  expect(simpleEvent({ type: 'a', context: { [Symbol('x')]: 1 } }, false)).toBeUndefined()
  expect(simpleEvent({ type: 'a', timestamp: '2026-11-28T10:00:00Z' }, true)).toBeUndefined()
})
