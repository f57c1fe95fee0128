import { describe, expect, test } from 'vitest'
import { BingoError, ProblemsError } from '../../../../../src/model/errors.ts'
import { compilePredicate } from '../../../../../src/rules/language/cel/predicate.ts'
import { Decimal } from '../../../../../src/rules/language/decimal.ts'
import { inlineText } from '../../../../../src/rules/language/source-text.ts'
import { changeOf, tableOf } from '../../../../support/match-tables.ts'

const ITEMS = tableOf({ id: 'bigint', price: 'varchar', name: 'varchar', doc: 'json', n: 'int', serial: 'ubigint' })
const update = changeOf(
  { id: 1, price: '10.00', name: null, doc: null, n: 3, serial: 1 },
  { id: 1, price: '11.01', name: 'a.b.c', doc: { a: { b: null, c: 5 } }, n: null, serial: 18446744073709551615n },
  ITEMS,
)

function ask(text: string): boolean | string {
  try {
    return compilePredicate(inlineText(text)).bind(ITEMS)(update)
  } catch (error) {
    if (error instanceof ProblemsError) return `refused: ${error.problems[0]!.message}`
    if (error instanceof BingoError) return error.message
    throw error
  }
}

describe('Decimals in filters', () => {
  test.each([
    'decimal(new.price) > decimal(old.price) * 1.1',
    '!(decimal(new.price) > decimal(old.price) * 1.101)',
    'decimal(new.price) == 11.010 && 11.01 == decimal(new.price) && decimal(new.price) != 11',
    "decimal('0.1') + decimal('0.2') == decimal('0.3') && decimal(0.1) + 0.2 == 0.3",
    '11 < decimal(new.price) && decimal(new.price) <= 11.01 && 11.01 >= decimal(new.price) && 12u > decimal(new.price)',
    "decimal(new.price) / 3 == decimal('3.670000') && 1 / decimal('3') == decimal('0.3333')",
    "-decimal(new.price) == decimal('-11.01') && decimal(new.price) - 1 == decimal('10.01')",
    "decimal(new.serial) + 1 == decimal('18446744073709551616')",
    "decimal('99999999999999999999999999999999.01') > decimal('99999999999999999999999999999999.00')",
    "string(decimal(new.price)) == '11.01' && int(decimal(new.price)) == 11 && double(decimal(new.price)) == 11.01",
    "decimal(new.price).round() == 11 && string(decimal('2.345').round(2)) == '2.35'",
    "string(decimal('1e3')) == '1000' && string(decimal('-.50')) == '-0.50' && decimal('1e-2') == 0.01",
  ])('%s', (text) => {
    expect(ask(text)).toBe(true)
  })

  test.each([
    ["decimal('abc') > 1", '"abc" is not a number'],
    ["decimal('') > 1", '"" is not a number'],
    ["decimal('1,5') > 1", '"1,5" is not a number'],
    ["decimal('1e9999') > 1", 'is not a number'],
    ['decimal(0.0 / 0.0) > 1', '"NaN" is not a number'],
    ['decimal(new.n) > 1', "found no matching overload for 'decimal(null)'"],
    ["decimal(new.price) > '9.5'", 'refused: no such overload: decimal > string'],
    ['decimal(new.price)', 'refused: the expression must be true or false, but returns a decimal'],
    ['decimal(new.price) / 0 > 1', 'division by zero'],
    ["int(decimal('9223372036854775808')) > 1", 'does not fit into an int'],
    ['decimal(1).round(-1) > 1', 'round() takes 0 to 100 digits'],
  ])('%s is an error', (text, message) => {
    expect(ask(text)).toContain(message)
  })

  test('round a half away from zero, on both sides of it', () => {
    expect(['0.5', '-0.5', '1.4', '-1.5', '2.5'].map((text) => String(Decimal.of(text)!.rounded(0)))).toStrictEqual([
      '1',
      '-1',
      '1',
      '-2',
      '3',
    ])
  })
})

describe('Optional values in filters', () => {
  test.each([
    "old.?name.orValue('none') == 'none' && new.?name.orValue('none') == 'a.b.c'",
    'new.?n.orValue(7) == 7 && old.?n.orValue(7) == 3 && NewRow.?n.orValue(1) == 1 && OldRow.?n.orValue(1) == 3',
    "new[?'n'].orValue(1) == 1 && key.?id.orValue(0) == 1",
    'new.?doc.?a.?c.orValue(0) == 5 && old.?doc.?a.?c.orValue(0) == 0',
    'new.?doc.?a.c.orValue(0) == 5 && new.doc.?x.orValue(3) == 3',
    'new.?doc.?a.hasValue() && !new.?doc.?z.hasValue() && !old.?doc.hasValue()',
    'new.?n.or(old.?n).orValue(0) == 3',
    'new.?doc.?a.?b.orValue(1) == null',
    'new.?no_such_column.orValue(true)',
    "[{'x': 1}].exists(new, new.?x.orValue(0) == 1)",
  ])('%s', (text) => {
    expect(ask(text)).toBe(true)
  })

  test('read the column that they name and no other', () => {
    const predicate = compilePredicate(inlineText("new.?n.orValue(1) == 1 && old[?'Name'].hasValue()"))
    expect(predicate.reads(ITEMS)).toStrictEqual({ new: new Set(['n']), old: new Set(['name']) })
    expect(compilePredicate(inlineText('new[?table].hasValue()')).reads(ITEMS).new).toBe('all')
  })

  test('are not true or false themselves', () => {
    expect(ask('new.?n')).toContain('refused: the expression must be true or false')
  })
})

describe('Texts in filters', () => {
  test.each([
    "new.price.replace('.', ',') == '11,01' && 'aaa'.replace('a', 'b', 2) == 'bba' && 'aaa'.replace('a', '$&') == '$&$&$&'",
    "'aaa'.replace('a', 'b', -1) == 'bbb' && 'aaa'.replace('a', 'b', 0) == 'aaa'",
    "new.name.split('.')[1] == 'b' && new.name.split('.').join('/') == 'a/b/c'",
    "new.name.substring(2) == 'b.c' && new.name.substring(2, 3) == 'b' && new.name.charAt(4) == 'c'",
    "new.name.indexOf('.') == 1 && new.name.lastIndexOf('.') == 3 && ' x '.trim() == 'x' && 'aB'.upperAscii() == 'AB'",
  ])('%s', (text) => {
    expect(ask(text)).toBe(true)
  })

  test('fail for a place that a text does not have', () => {
    expect(ask("new.price.charAt(9) == ''")).toContain('charAt(): there is no character 9')
    expect(ask("new.price.substring(9) == ''")).toContain('out of range')
  })
})
