import { expect, test } from 'vitest'
import { nativeJson } from '../../../../src/model/json/native-json.ts'
import { JsonProblem, parseJson } from '../../../../src/model/json/strict-json.ts'

test('plain JSON is read by the parser of the engine, and its maps have no prototype', () => {
  const value = nativeJson('{"at": "10:00", "a:b": [1, -0.5, {"c": null}], "d": true}', 4) as { a: unknown }
  expect(value).toEqual({ at: '10:00', 'a:b': [1, -0.5, { c: null }], d: true })
  expect(Object.getPrototypeOf(value)).toBeNull()
  expect('constructor' in value).toBe(false)
})

test.each([
  ['a key that stands twice', '{"a": 1, "a": 2}'],
  ['one whose value holds colons', '{"a": "x:y:z", "b": 1, "a": ""}'],
  ['one in a list, far down', '[{"k": [{"a": 1, "a": 1}]}]'],
  ['a colon that is written as an escape', '{"a": 1, "a": "\\u003a"}'],
  ['__proto__', '{"__proto__": 1}'],
  ['__proto__ written with an escape', '{"\\u005f_proto__": 1}'],
  ['an integer beyond 2^53', '[9007199254740993]'],
  ['one that is written as a fraction', '[9007199254740993.0]'],
  ['a zero with a sign, which is written without it', '[-0]'],
  ['a number out of range', '[1e999]'],
  ['a number of 1,001 characters', `[0.${'1'.repeat(1_000)}]`],
  ['JSON nested deeper than is allowed', '[[[[[[]]]]]]'],
  ['no JSON', '{"a": }'],
])('%s is left to the strict parser', (_what, text) => {
  expect(nativeJson(text, 4)).toBeUndefined()
})

test('a key given twice is refused with its place by the strict parser, whatever colons are around it', () => {
  for (const text of ['{"a": "::", "a": 1}', '{"x": {"a:b": 1, "a:b": 2}}']) {
    expect(() => parseJson(text, 4)).toThrow(JsonProblem)
  }
})
