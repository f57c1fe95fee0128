import { expect, test } from 'vitest'
import { decodeEnvelope, encodeEnvelope } from '../../../../src/model/event/forms/event-codec.ts'
import { posted } from '../../../support/posted-events.ts'

const { envelope } = posted({ key: 'order-17', payload: { big: 2n ** 60n, list: [1, null] }, hops: 2 })

function decode(text: string): unknown {
  return decodeEnvelope(Buffer.from(text))
}

test('an envelope is read as it was written, and without what earlier versions did not have', () => {
  expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope)
  const { traceparent: _traceparent, hops: _hops, ...earlier } = envelope
  expect(decode(Buffer.from(encodeEnvelope(earlier as typeof envelope)).toString())).toMatchObject({ id: envelope.id })
})

test.each([
  ['{"id":', 'at $'],
  ['null', 'it is not a map'],
  ['{}', 'id is not a text'],
  [JSON.stringify({ ...envelope, payload: 1, timestamp: 'yesterday' }), 'timestamp is not a time in milliseconds'],
  [JSON.stringify({ ...envelope, payload: 1, context: [] }), 'context is not a map'],
  [JSON.stringify({ ...envelope, payload: 1, isTest: 'no' }), 'isTest is not true or false'],
])('%s is not one: %s', (text, fault) => {
  expect(() => decode(text)).toThrow(expect.objectContaining({ code: 'BINGO_EVENT_CORRUPT' }))
  expect(() => decode(text)).toThrow(fault)
})
