import { describe, expect, test } from 'vitest'
import { Change } from '../../../../../src/model/event/change.ts'
import { EvaluationError, ProblemsError } from '../../../../../src/model/errors.ts'
import { noteJsonNulls } from '../../../../../src/model/event/forms/json-null.ts'
import { compilePredicate } from '../../../../../src/rules/language/cel/predicate.ts'
import { inlineText } from '../../../../../src/rules/language/source-text.ts'
import { ADA, changeOf, rowOf, tableOf, USERS } from '../../../../support/match-tables.ts'

const compile = (text: string): ReturnType<typeof compilePredicate> => compilePredicate(inlineText(text, 'r1'))
const evaluate = (text: string, change: Change): boolean => compile(text).bind(change.table)(change)

function failure(run: () => unknown): EvaluationError {
  try {
    run()
  } catch (error) {
    if (error instanceof EvaluationError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function problem(text: string): { message: string; hint: string | undefined; column: number } {
  try {
    compile(text)
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    const [first] = error.problems
    return { message: first!.message, hint: first!.hint, column: first!.location!.column }
  }
  throw new Error(`"${text}" was accepted`)
}

const update = changeOf({ ...ADA, status: 0 }, ADA)
const insert = changeOf(null, ADA)
const remove = changeOf(ADA, null)

describe('A filter', () => {
  test('sees NULL in every column of the row that an INSERT or DELETE does not have', () => {
    const founding = "NewRow['status'] != OldRow['status']"
    expect(evaluate(founding, update)).toBe(true)
    expect(evaluate(founding, changeOf(ADA, ADA))).toBe(false)
    expect(evaluate(founding, remove)).toBe(true)
    expect(evaluate(founding, insert)).toBe(true)
    expect(evaluate('old.status == null', insert)).toBe(true)
  })

  test.each([
    ['new.age + 1 > 31', true],
    ['new.serial == 18446744073709551615u', true],
    ['new.serial > 9223372036854775807', true],
    ['new.score < 2', true],
    ['new.doc.level == 3', true],
    ["new.doc.constructor == 'c'", true],
    ["new.doc.tags.exists(t, t == 'y')", true],
    ["'a' in new.tags", true],
    ['key.id == 101', true],
    ["op == 'update' && schema == 'shop' && table == 'users'", true],
    ["'status' in changed && !('age' in changed)", true],
    ['size(changed) == 1', true],
    ["ts >= timestamp('2026-11-20T10:00:00Z') && ts.getFullYear() == 2026", true],
    ["gtid.startsWith('3e11fa47') && txId == gtid && serverId == 7", true],
    ["new.name.matches('^A(d|x)+a?$')", true],
    ["new.name.matches('d')", true],
    ["matches(new.name, '^d')", false],
    ["[new.name, old.name].all(new, new == 'Ada')", true],
  ])('%s is %s', (text, expected) => {
    expect(evaluate(text, update)).toBe(expected)
  })

  test('may read columns that are called like parts of every object', () => {
    const odd = tableOf({
      id: 'int',
      constructor: 'varchar' as const,
      hasOwnProperty: 'varchar' as const,
      get: 'varchar',
      size: 'int',
    })
    const row = { id: 1, constructor: 'c', hasOwnProperty: 'h', get: 'g', size: 5 }
    const change = changeOf(row, row, odd)
    for (const name of ['constructor', 'hasOwnProperty', 'get']) {
      const first = name[0]
      expect(evaluate(`new.${name} == '${first}' && [new.${name}].exists(each, each == '${first}')`, change)).toBe(true)
      expect(evaluate(`has(new.${name}) && '${name}' in new && new.${name}.startsWith('${first}')`, change)).toBe(true)
    }
    expect(evaluate('new.size == 5 && size(new) == 5 && new == old', change)).toBe(true)
    expect(problem("{'constructor': 1}.size() == 1").message).toContain('"constructor" is not a valid map key')
  })

  test('keeps integers above 2^53 exact', () => {
    const change = changeOf(null, { id: 9007199254740993n })
    expect(evaluate('new.id == 9007199254740993', change)).toBe(true)
    expect(evaluate('new.id == 9007199254740992', change)).toBe(false)
    expect(evaluate('new.id + 1 == 9007199254740994', change)).toBe(true)
  })

  test('finds columns case-insensitively where the exact spelling does not exist', () => {
    expect(evaluate("new.STATUS == 1 && 'Status' in changed", update)).toBe(true)
    expect(evaluate("changed.exists(c, c == 'status') && 'Status' in changed", update)).toBe(true)
    const cleared = noteJsonNulls(rowOf({ id: 1, doc: null }), ['doc'])
    const toJsonNull = new Change(USERS, 'update', update.transaction, 0, rowOf({ id: 1, doc: null }), cleared, null)
    expect(evaluate("'doc' in changed", toJsonNull)).toBe(true)
    expect(evaluate("changed.exists(c, c == 'doc')", toJsonNull)).toBe(true)
    const both = tableOf({ id: 'int', ID: 'int' })
    expect(evaluate('new.ID == 2 && new.id == 1', changeOf(null, { id: 1, ID: 2 }, both))).toBe(true)
  })

  test('fails at bind for a column that the table does not have, and suggests the nearest', () => {
    const error = failure(() => compile('new.status == 1 || new.nmae == 2').bind(USERS))
    expect(error.code).toBe('BINGO_UNKNOWN_COLUMN')
    expect(error.message).toContain('rule "r1" reads column "nmae", which shop.users does not have (inline:1:24)')
    expect(error.hint).toBe('did you mean "name"?')
  })

  test('fails at evaluation for a computed name that the table does not have', () => {
    const filter = compile('new[old.name] == 1').bind(USERS)
    expect(failure(() => filter(update)).code).toBe('BINGO_UNKNOWN_COLUMN')
  })

  test('fails for a column of the key that is not part of it', () => {
    expect(failure(() => compile("key.name == 'x'").bind(USERS)).hint).toBe('the key is: id')
  })

  test('fails for a column that the row image omits, and names the setting to change', () => {
    const error = failure(() => evaluate('new.age > 18', changeOf({ id: 1 }, { status: 2 })))
    expect(error.code).toBe('BINGO_COLUMN_ABSENT')
    expect(error.hint).toContain('binlog_row_image=FULL')
  })

  test('asks with has() and in whether a column is there', () => {
    const minimal = changeOf({ id: 1 }, { status: 2 })
    expect(evaluate('has(new.status) && !has(new.age) && !has(new.nothing)', minimal)).toBe(true)
    expect(evaluate("'status' in new && !('nothing' in new) && !('age' in new)", minimal)).toBe(true)
    expect(evaluate('has(new.nothing) && new.nothing > 1', minimal)).toBe(false)
  })

  test('fails on NULL in a comparison instead of not matching', () => {
    const error = failure(() => evaluate('new.age > 18', changeOf(null, { ...ADA, age: null })))
    expect(error.code).toBe('BINGO_FILTER_FAILED')
    expect(error.message).toContain('no such overload: null > int')
    expect(error.hint).toContain('!= null')
  })

  test('absorbs an error where the other operand decides', () => {
    const row = changeOf(null, { ...ADA, age: null })
    expect(evaluate('new.age > 18 || new.status == 1', row)).toBe(true)
    expect(evaluate('new.status == 2 && new.age > 18', row)).toBe(false)
  })

  test('fails on a value that is not a boolean', () => {
    expect(failure(() => evaluate('new.doc', update)).code).toBe('BINGO_FILTER_NOT_BOOL')
  })

  test('fails on overflow and division by zero', () => {
    const big = changeOf(null, { ...ADA, id: 9223372036854775807n, age: 0 })
    expect(failure(() => evaluate('new.id + 1 > 0', big)).message).toContain('overflow')
    expect(failure(() => evaluate('1 / new.age > 0', big)).message).toContain('division by zero')
  })

  test('takes linear time for a pattern that makes backtracking engines hang', () => {
    const row = changeOf(null, { ...ADA, name: `${'a'.repeat(50_000)}!` })
    expect(evaluate("new.name.matches('^(a+)+$')", row)).toBe(false)
  })

  test('of TRUNCATE and DDL, which have no rows, sees NULL in every column', () => {
    const table = { ...USERS, columns: [], key: [] }
    const truncate = new Change(table, 'truncate', update.transaction, 0, null, null, null)
    expect(evaluate("op == 'truncate' && new.status == null", truncate)).toBe(true)
  })
})

describe('Reads of a filter', () => {
  test.each([
    ['new.status != old.STATUS', ['status'], ['status']],
    ["NewRow['age'] > 1", ['age'], []],
    ["'name' in changed", ['name'], ['name']],
    ['key.id == 1', ['id'], ['id']],
    ['has(old.age)', [], ['age']],
    ['op == "insert"', [], []],
    ['new.doc.tags.exists(t, t == new.name)', ['doc', 'name'], []],
    ['[1].exists(new, new == 1)', [], []],
  ])('%s', (text, new_, old) => {
    const reads = compile(text).reads(USERS)
    expect(reads).toEqual({ new: new Set(new_), old: new Set(old) })
  })

  test('are everything when a row is used as a whole', () => {
    expect(compile('new == old').reads(USERS)).toEqual({ new: 'all', old: 'all' })
    expect(compile('size(changed) > 1').reads(USERS)).toEqual({ new: 'all', old: 'all' })
    expect(compile('new[op] == 1').reads(USERS)).toEqual({ new: 'all', old: new Set() })
  })
})

describe('Necessary comparisons', () => {
  test('are the equalities among the operands of the top-level &&', () => {
    expect(compile("new.status == 1 && (old.name in ['a', 'b'] && 'x' == new.email) && new.age > 3").necessary).toEqual(
      [
        { image: 'new', column: 'status', values: [1] },
        { image: 'old', column: 'name', values: ['a', 'b'] },
        { image: 'new', column: 'email', values: ['x'] },
      ],
    )
  })

  test('leave out what does not have to hold, and what equals several values', () => {
    expect(compile('new.status == 1 || new.status == 2').necessary).toEqual([])
    expect(compile('!(new.status == 1)').necessary).toEqual([])
    expect(compile('new.status == null && new.id == 9007199254740993').necessary).toEqual([])
    expect(compile('new.status == -1').necessary).toEqual([{ image: 'new', column: 'status', values: [-1] }])
  })
})

describe('A filter is refused', () => {
  test.each([
    ['1 + 1', 'returns an int', 'compare it', 1],
    ['new.status = 1', 'Unexpected character: =', 'compare with ==', 12],
    ['new.status ==', 'the expression ends where a value is missing', '', 14],
    ['(new.status == 1', 'the expression ends where ) is missing', '', 17],
    ["new['a' == 1", 'the expression ends where ] is missing', '', 13],
    ['has(new.a', 'the expression ends where ) is missing', '', 10],
    ['new.a ? 1 2', ': is missing here', '', 11],
    ["new.name == 'ann", 'the quote that opens here is not closed', '', 13],
    ['nwe.x == 1', 'Unknown variable: nwe', 'did you mean new?', 1],
    ['status == 1', 'Unknown variable: status', 'write new.status or old.status for a column', 1],
    ['new.a == 1 and new.b == 2', '', 'write && instead of AND', 12],
    ['old == null', 'no such overload', "op == 'insert'", 1],
    ["new.name.matches('(?=x)')", 'invalid regular expression', 'RE2', 18],
    ['new.id == 9223372036854775808', 'exceeds the range of int', 'append u', 11],
    [`${'('.repeat(60)}true${')'.repeat(60)}`, 'maxDepth', '', 51],
    [`${'!'.repeat(60)}true`, 'nested deeper than 50', '', 51],
    ['new.doc.a.all(x, x.all(y, y.all(z, z == 1)))', 'three nested comprehensions', '', 27],
    [`new.name == '${'x'.repeat(4096)}'`, 'exceeds 4096 bytes', 'split', 1],
  ])('%.60s', (text, message, hint, column) => {
    const found = problem(text)
    expect(found.message).toContain(message)
    expect(found.hint ?? '').toContain(hint)
    expect(found.column).toBe(column)
  })

  test('but not for a long chain of alternatives', () => {
    const text = Array.from({ length: 150 }, (_, i) => `new.status == ${i}`).join(' || ')
    expect(evaluate(text, update)).toBe(true)
  })

  test('but not for the least int', () => {
    expect(evaluate('new.id > -9223372036854775808', update)).toBe(true)
  })
})
