import { expect, test } from 'vitest'
import {
  exactJson,
  jsonPath,
  JsonProblem,
  parseJson,
  parseWrittenJson,
} from '../../../../src/model/json/strict-json.ts'
import { fc } from '../../../support/properties.ts'

function problem(text: string, maxDepth = 16): Pick<JsonProblem, 'reason' | 'path'> {
  try {
    parseJson(text, maxDepth)
  } catch (error) {
    if (error instanceof JsonProblem) return { reason: error.reason, path: error.path }
    throw error
  }
  throw new Error(`taken: ${text}`)
}

/** As JSON.parse has it, which knows no bigint. */
function rounded(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(rounded)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rounded(each)]))
}

test('JSON is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8, noUnicodeString: false }), (text) => {
      fc.pre(!text.includes('__proto__'))
      expect(rounded(parseJson(text, 100))).toEqual(JSON.parse(text))
    }),
  )
})

test('any text is read, or refused with a problem, exactly where JSON.parse does so', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:0123456789.eE+-truefalsn \\u\t'.split('')) }), (text) => {
      let mine: unknown = 'refused'
      let theirs: unknown = 'refused'
      try {
        theirs = JSON.parse(text)
      } catch {}
      try {
        mine = parseJson(text, 100)
      } catch (error) {
        if (!(error instanceof JsonProblem)) throw error
        fc.pre(error.reason === 'syntax')
      }
      fc.pre(typeof theirs !== 'object')
      fc.pre(typeof mine !== 'bigint')
      expect(mine).toEqual(theirs)
    }),
    { numRuns: 2_000 },
  )
})

test('integers that a JS number cannot hold stay exact, and are written as they came', () => {
  const text = '{"id":9007199254740993,"list":[-12345678901234567890,1,1.5,1e3]}'
  expect(parseJson(text, 5)).toEqual({ id: 9007199254740993n, list: [-12345678901234567890n, 1, 1.5, 1000] })
  expect(exactJson(parseJson('{"id":9007199254740993,"list":[-12345678901234567890,1,null,"ü"]}', 5))).toBe(
    '{"id":9007199254740993,"list":[-12345678901234567890,1,null,"ü"]}',
  )
})

test.each([
  ['a key that is given twice', '{"a":{"b":1,"b":2}}', 'duplicate key', '$.a.b'],
  ['the same key with an escape', '{"a":1,"\\u0061":2}', 'duplicate key', '$.a'],
  ['__proto__', '{"x":[{"__proto__":{}}]}', 'forbidden key', '$.x[0].__proto__'],
  ['__proto__ with an escape', '{"\\u005f_proto__":1}', 'forbidden key', '$.__proto__'],
  ['a number beyond all numbers', '{"n":1e999}', 'number', '$.n'],
  ['a number of a thousand digits', `{"n":${'9'.repeat(1_001)}}`, 'number', '$.n'],
  ['an open list', '[1,', 'syntax', '$[1]'],
  ['text behind the value', '{} x', 'syntax', '$'],
  ['a control character in a text', '{"a":"\n"}', 'syntax', '$.a'],
  ['nothing', '', 'syntax', '$'],
  ['a comma too many', '{"a":1,}', 'syntax', '$'],
  ['a leading zero', '[01]', 'syntax', '$'],
])('%s is refused with its place', (_, text, reason, path) => {
  expect(problem(text)).toEqual({ reason, path })
})

test.each([
  '{"at":"10:00","a:b":[1,-0.5,{"c":null}],"escaped":"\\u0000 \\n :","empty":{}}',
  '{"id":9007199254740993,"list":[-12345678901234567890,1e21,5e-324,0]}',
  '[[[[]]]]',
  '"text"',
])('what was written is read as it was: %s', (text) => {
  const value = parseJson(text, 5)
  const again = parseWrittenJson(exactJson(value), 5)
  expect(again).toEqual(value)
  expect(Object.getPrototypeOf(again)).toBe(Object.getPrototypeOf(value))
})

test('what was written and is damaged is refused, with its place', () => {
  expect(() => parseWrittenJson('{"a":[1,}', 5)).toThrow(JsonProblem)
  expect(() => parseWrittenJson('[[[[[[]]]]]]', 5)).toThrow('nested deeper')
})

test('a million brackets are refused by their depth, not by the stack', () => {
  expect(problem('['.repeat(1_000_000)).reason).toBe('depth')
  expect(problem('{"a":'.repeat(1_000_000)).reason).toBe('depth')
})

test('keys that are methods of objects are keys like others', () => {
  expect(parseJson('{"constructor":1,"toString":2}', 3)).toEqual({ constructor: 1, toString: 2 })
})

test('a path quotes keys that are no words, and cuts long ones', () => {
  expect(jsonPath(['a b', 3, 'c'])).toBe('$["a b"][3].c')
  expect(jsonPath(['x'.repeat(10_000)]).length).toBeLessThan(80)
})
