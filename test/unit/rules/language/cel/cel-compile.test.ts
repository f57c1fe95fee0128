import { describe, expect, test } from 'vitest'
import type { Change } from '../../../../../src/model/event/change.ts'
import { BingoError } from '../../../../../src/model/errors.ts'
import { parseFilter } from '../../../../../src/rules/language/cel/compile/cel-problems.ts'
import { findReferences } from '../../../../../src/rules/language/cel/compile/cel-references.ts'
import { bindToEngine, compilePredicate } from '../../../../../src/rules/language/cel/predicate.ts'
import { inlineText } from '../../../../../src/rules/language/source-text.ts'
import { changeOf, rowOf, USERS } from '../../../../support/match-tables.ts'
import { Change as ChangeClass } from '../../../../../src/model/event/change.ts'
import { fc } from '../../../../support/properties.ts'

function answer(filter: (change: Change) => boolean, change: Change): string {
  try {
    return String(filter(change))
  } catch (error) {
    if (!(error instanceof BingoError)) throw error
    return `${error.code} ${error.message}`
  }
}

function both(text: string): { compiled: (change: Change) => boolean; engine: (change: Change) => boolean } {
  const source = inlineText(text)
  const program = parseFilter(source)
  return {
    compiled: compilePredicate(source).bind(USERS),
    engine: bindToEngine(source, findReferences(program.ast), USERS),
  }
}

const ints = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -3, max: 40 }) },
  fc.constantFrom(
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    9007199254740993n,
    -9223372036854775808n,
    9223372036854775807n,
  ),
)
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> =>
  fc.oneof({ weight: 8, arbitrary }, fc.constant(null), fc.constant(undefined))
const texts = fc.constantFrom('', 'a', 'b', 'ab', 'Ada', '😀', 'é')
const json = fc.constantFrom(1, 1.5, 'a', true, null, [1, 2], ['a'], { a: 1 }, { a: [1] }, 2 ** 60, 9007199254740993n)
const rows = fc.record({
  id: ints,
  status: nullable(ints),
  age: nullable(ints),
  name: nullable(texts),
  email: nullable(texts),
  score: nullable(fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -2, max: 20 }))),
  serial: nullable(fc.oneof(fc.nat(), fc.constantFrom(18446744073709551615n, 9223372036854775808n))),
  doc: nullable(json),
  tags: nullable(fc.constantFrom([], ['a'], ['a', 'b'])),
  ts: nullable(texts),
})
const changes = fc
  .tuple(fc.constantFrom('insert', 'update', 'delete'), rows, rows)
  .map(([op, old, new_]) => changeOf(op === 'insert' ? null : old, op === 'delete' ? null : new_))

const expressions = fc.letrec<{ bool: string; int: string; text: string; float: string; any: string }>((tie) => ({
  int: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom('new.age', 'old.age', 'new.status', 'old.STATUS', 'new.serial', 'key.id', 'serverId'),
    fc.constantFrom('0', '1', '18', '-2', '9007199254740993', '9223372036854775807'),
    fc.tuple(tie('int'), fc.constantFrom('+', '-', '*', '/', '%'), tie('int')).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(tie('bool'), tie('int'), tie('int')).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
    tie('int').map((a) => `(-${a})`),
    tie('text').map((a) => `size(${a})`),
    tie('text').map((a) => `${a}.size()`),
  ),
  float: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom('new.score', 'old.score', '1.5', '0.0', '2.0'),
    fc.tuple(tie('float'), fc.constantFrom('+', '-', '*', '/'), tie('float')).map(([a, op, b]) => `(${a} ${op} ${b})`),
  ),
  text: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom('new.name', "OldRow['name']", 'new.email', "'a'", "'Ada'", 'op', 'table', 'gtid', "'(' + new.name"),
    fc.constantFrom('(new.name + old.name)', 'new.name.lowerAscii()', 'old.email.trim()'),
  ),
  any: fc.oneof(
    tie('int'),
    tie('text'),
    tie('float'),
    fc.constantFrom('null', 'true', 'new.doc', 'old.doc', 'new.tags', 'old.tags'),
  ),
  bool: fc.oneof(
    { maxDepth: 4 },
    fc.tuple(tie('any'), fc.constantFrom('==', '!='), tie('any')).map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(tie('int'), fc.constantFrom('<', '<=', '>', '>='), tie('int')).map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(tie('float'), fc.constantFrom('<', '>='), tie('int')).map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(tie('text'), fc.constantFrom('<', '>='), tie('text')).map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool')).map(([a, op, b]) => `(${a}) ${op} (${b})`),
    tie('bool').map((a) => `!(${a})`),
    fc.tuple(tie('bool'), tie('bool'), tie('bool')).map(([c, a, b]) => `((${c}) ? (${a}) : (${b}))`),
    fc
      .tuple(tie('text'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('text'))
      .map(([a, f, b]) => `${a}.${f}(${b})`),
    tie('text').map((a) => `${a}.matches('^[aA]')`),
    fc
      .tuple(
        tie('any'),
        fc.constantFrom('[1, 2, 18]', "['a', 'b']", '[1.0, 2.5]', '[null]', '[1, 2, 3, 4, 5, 6, 7, 18]', '[]'),
      )
      .map(([a, l]) => `${a} in ${l}`),
    fc.constantFrom(
      "'status' in changed",
      "'Doc' in changed",
      "'tags' in changed",
      'has(new.age)',
      'has(old.nothing)',
      "'age' in new",
      "'a' in new.tags",
      'new.doc.a == 1',
      '[1, 2].exists(x, x == new.age)',
      'changed.exists(c, c == "age")',
    ),
  ),
}))

describe('A compiled filter', () => {
  test('answers as the engine does for random expressions and rows, errors included', { timeout: 600_000 }, () => {
    let evaluated = 0
    fc.assert(
      fc.property(expressions.bool, fc.array(changes, { minLength: 1, maxLength: 8 }), (text, list) => {
        let filters
        try {
          filters = both(text)
        } catch (error) {
          // Refused when it is loaded: static types, nesting.
          if (error instanceof BingoError) return
          throw error
        }
        for (const change of list) {
          evaluated += 1
          expect(answer(filters.compiled, change)).toBe(answer(filters.engine, change))
        }
      }),
      {
        numRuns: Number(process.env['BINGO_TEST_RUNS'] ?? 1500),
        ...(process.env['BINGO_TEST_SEED'] && { seed: Number(process.env['BINGO_TEST_SEED']) }),
      },
    )
    expect(evaluated).toBeGreaterThan(100)
  })

  test('leaves the engine alone for a plain expression', () => {
    const filter = compilePredicate(inlineText('new.status != old.status && new.age > 18')).bind(USERS)
    expect(filter.toString()).toContain('function filter')
    expect(filter(changeOf({ status: 1, age: 30 }, { status: 2, age: 30 }))).toBe(true)
    expect(filter(changeOf({ status: 1, age: 30 }, { status: 1, age: 30 }))).toBe(false)
  })

  test('asks the engine for the operands that are not plain only', () => {
    const filter = compilePredicate(inlineText("new.age > 18 && (new.doc.level == 3 || new.name == 'x')")).bind(USERS)
    expect(filter.toString()).toContain('function filter')
    expect(filter(changeOf(null, { age: 30, name: 'y', doc: { level: 3 } }))).toBe(true)
    expect(filter(changeOf(null, { age: 30, name: 'y', doc: { level: 4 } }))).toBe(false)
    expect(filter(changeOf(null, { age: 30, name: 'x', doc: {} }))).toBe(true)
  })

  test('treats column names as data, not as code', () => {
    const name = '"];process.exit(1);//'
    const table = { ...USERS, columns: [{ ...USERS.columns[1]!, name }], key: [] }
    const filter = compilePredicate(inlineText(`new[${JSON.stringify(name)}] == 1`)).bind(table)
    const change = new ChangeClass(table, 'insert', changeOf(null, {}).transaction, 0, null, rowOf({ [name]: 1 }), null)
    expect(filter(change)).toBe(true)
  })
})
