import { eventFilterMatches } from '@trigger.dev/core'
import { expect, test } from 'vitest'
import type { Value } from '../../../../../src/model/event/row.ts'
import { compilePattern } from '../../../../../src/rules/language/pattern/match-pattern.ts'
import { parsePattern } from '../../../../../src/rules/language/pattern/parse-pattern.ts'
import { treeOf } from '../../../../support/tree-of.ts'
import { fc } from '../../../../support/properties.ts'

type Pattern = { readonly [key: string]: unknown }

const KEYS = ['a', 'b', 'length'] as const
const primitive = fc.constantFrom<Value[]>('', 'a', 'A', 'ab', 'b', 0, 1, 2, -1, 1.5, true, false)
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    { weight: 6, arbitrary: primitive },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    {
      weight: 3,
      arbitrary: fc.dictionary(fc.constantFrom(...KEYS), tie('value'), {
        noNullPrototype: true,
      }) as fc.Arbitrary<Value>,
    },
  ),
}))
const event = fc.dictionary(fc.constantFrom(...KEYS), value, { noNullPrototype: true }) as fc.Arbitrary<Value>

const text = fc.constantFrom('', 'a', 'A', 'b')
const number = fc.constantFrom(-1, 0, 1, 1.5, 2)
const literal = fc.oneof(text, number, fc.boolean())
const operator = fc.oneof(
  ...['$startsWith', '$endsWith', '$ignoreCaseEquals'].map((name) => text.map((operand) => ({ [name]: operand }))),
  ...['$exists', '$isNull'].map((name) => fc.boolean().map((operand) => ({ [name]: operand }))),
  ...['$gt', '$gte', '$lt', '$lte'].map((name) => number.map((operand) => ({ [name]: operand }))),
  fc.tuple(number, number).map((operand) => ({ $between: operand })),
  ...['$includes', '$not', '$anythingBut'].map((name) => literal.map((operand) => ({ [name]: operand }))),
  fc.array(text, { minLength: 1, maxLength: 6 }).map((operand) => ({ $anythingBut: operand })),
)
const clause = fc.oneof(
  fc.constant([]),
  ...[text, number, fc.boolean()].map((each) => fc.array<unknown>(each, { minLength: 1, maxLength: 6 })),
  fc.array<unknown>(operator, { minLength: 1, maxLength: 3 }),
)
const { pattern } = fc.letrec<{ pattern: Pattern }>((tie) => ({
  pattern: fc.dictionary(
    fc.constantFrom(...KEYS),
    fc.oneof({ depthSize: 'small' }, { weight: 3, arbitrary: clause }, { weight: 2, arbitrary: tie('pattern') }),
    { noNullPrototype: true },
  ),
}))

const PLACE = { file: 'r.yaml', line: 1, column: 1 }
const compiled = (source: Pattern): ((value: Value) => boolean) =>
  compilePattern(
    parsePattern(
      treeOf(source, () => PLACE),
      'r',
    ),
  )

/** The table of the language, line by line. */
function fits(node: unknown, at: Value): boolean {
  if (!Array.isArray(node)) return mapFits(node as Pattern, at)
  if (node.length === 0) return true
  if (typeof node[0] !== 'object') return node.some((each) => each === at)
  return (node as Pattern[]).every((each) => {
    const [[name, operand]] = Object.entries(each) as [[string, unknown]]
    return operatorHolds(name, operand, at)
  })
}

function mapFits(map: Pattern, at: Value): boolean {
  if (Object.keys(map).length === 0) return !(Array.isArray(at) && at.length === 0)
  if (Array.isArray(at)) return at.some((each) => !Array.isArray(each) && mapFits(map, each as Value))
  if (at === undefined || at === null || typeof at !== 'object') return false
  const own = new Map(Object.entries(at))
  return Object.entries(map).every(([key, node]) => fits(node, own.get(key)))
}

function operatorHolds(name: string, operand: unknown, at: Value): boolean {
  const isNumber = typeof at === 'number'
  switch (name) {
    case '$startsWith':
      return typeof at === 'string' && at.startsWith(operand as string)
    case '$endsWith':
      return typeof at === 'string' && at.endsWith(operand as string)
    case '$ignoreCaseEquals':
      return typeof at === 'string' && at.toLowerCase() === (operand as string).toLowerCase()
    case '$exists':
      return (at !== undefined) === operand
    case '$isNull':
      return (at === null) === operand
    case '$anythingBut':
      return ![operand].flat().includes(at)
    case '$not':
      if (Array.isArray(at)) return !at.includes(operand as Value)
      return at !== undefined && at !== null && typeof at !== 'object' && at !== operand
    case '$gt':
      return isNumber && at > (operand as number)
    case '$gte':
      return isNumber && at >= (operand as number)
    case '$lt':
      return isNumber && at < (operand as number)
    case '$lte':
      return isNumber && at <= (operand as number)
    case '$between': {
      const [low, high] = operand as [number, number]
      return isNumber && at >= low && at <= high
    }
    default:
      return Array.isArray(at) && at.includes(operand as Value)
  }
}

test('Any pattern answers for any event as the table says', () => {
  fc.assert(
    fc.property(pattern, event, (source, at) => {
      expect(compiled(source)(at)).toBe(fits(source, at))
    }),
    { numRuns: 400 },
  )
})

/** Where the original reads what a list or a text inherits (`length`), or takes a primitive for an empty map. */
function isOwnRule(source: Pattern, at: Value): boolean {
  return Object.entries(source).some(([key, node]) => {
    if (Array.isArray(node)) return false
    const map = node as Pattern
    const inner = at === undefined || at === null ? undefined : (at as { readonly [key: string]: Value })[key]
    const values = Array.isArray(inner) ? inner : [inner]
    return values.some((each: Value) => {
      const isMap = typeof each === 'object' && each !== null && !Array.isArray(each)
      const isPlain = each === undefined || each === null || isMap
      return (!isPlain && Object.keys(map).length > 0) || isOwnRule(map, each)
    })
  })
}

test('Any pattern answers as the original language does, but for maps on primitives, which never match here', () => {
  fc.assert(
    fc.property(pattern, event, (source, at) => {
      fc.pre(!isOwnRule(source, at))
      expect(compiled(source)(at)).toBe(eventFilterMatches(at, source as Parameters<typeof eventFilterMatches>[1]))
    }),
    { numRuns: 400 },
  )
})
