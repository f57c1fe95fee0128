import Handlebars from 'handlebars'
import { describe, expect, test } from 'vitest'
import type { Change } from '../../../../../src/model/event/change.ts'
import type { Value } from '../../../../../src/model/event/row.ts'
import { EvaluationError, ProblemsError } from '../../../../../src/model/errors.ts'
import { inlineText } from '../../../../../src/rules/language/source-text.ts'
import { compileTemplate } from '../../../../../src/rules/language/template/template.ts'
import { ADA, changeOf, tableOf, USERS } from '../../../../support/match-tables.ts'

const render = (text: string, change: Change, strict = false): string =>
  compileTemplate(inlineText(text, 'r1'), { strict }).bind(change.table)(change)
const strict = (text: string, change: Change): string => render(text, change, true)

function failure(run: () => unknown): EvaluationError {
  try {
    run()
  } catch (error) {
    if (error instanceof EvaluationError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

function problems(text: string): readonly { message: string; hint?: string | undefined; column: number }[] {
  try {
    compileTemplate(inlineText(text))
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error
    return error.problems.map(({ message, hint, location }) => ({ message, hint, column: location!.column }))
  }
  return []
}

const update = changeOf({ ...ADA, email: 'old@example.com' }, ADA)
const insert = changeOf(null, ADA)
const remove = changeOf(ADA, null)

describe('A template', () => {
  test.each([
    ['cache:user:{{ .ID }}', 'cache:user:101'],
    ['{{id}}', '101'],
    ['{{new.id}}:{{old.email}}:{{key.id}}', '101:old@example.com:101'],
    ['{{.new.id}}{{~ .name ~}} x', '101Adax'],
    ['{{NewRow.name}}/{{OldRow.email}}', 'Ada/old@example.com'],
    ['{{op}} {{schema}}.{{table}} {{serverId}}', 'update shop.users 7'],
    ['{{event.id}}', '3e11fa47-71ca-11e1-9e33-c80aa9429562:42/3'],
    [
      '{{event.op}} {{event.gtid}} {{event.new.name}} {{event.position.offset}}',
      'update 3e11fa47-71ca-11e1-9e33-c80aa9429562:42 Ada 1234',
    ],
    ['{{serial}}', '18446744073709551615'],
    ['{{doc.level}} {{doc.tags.[1]}} {{doc.constructor}}', '3 y c'],
    ['{{tags}}', 'a,b'],
    ['{{upper name}} {{lower name}} {{trim " x "}}', 'ADA ada x'],
    ['{{default doc.nothing "none"}}', 'none'],
    ['{{json doc}}', '{"vip":true,"tags":["x","y"],"level":3,"constructor":"c"}'],
    ['{{urlencode "a b/c"}} {{base64 "hé"}}', 'a%20b%2Fc aMOp'],
    ['{{sha256 "abc"}}', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['{{join tags "|"}} {{concat name ":" id}} {{lookup doc "level"}}', 'a|b Ada:101 3'],
    ['{{{name}}} & <b>', 'Ada & <b>'],
    ['{{! a comment }}x{{!-- another }} --}}y', 'xy'],
    ['\\{{id}}', '{{id}}'],
    ['no expression', 'no expression'],
  ])('%s', (text, expected) => {
    expect(render(text, update)).toBe(expected)
  })

  test('does not escape HTML', () => {
    expect(render('{{name}}', changeOf(null, { ...ADA, name: `<a href="x">'&'</a>` }))).toBe(`<a href="x">'&'</a>`)
  })

  test('reads a bare column from the new row, from the old one in a DELETE or if the after image lacks it', () => {
    expect(render('{{email}}', update)).toBe('ada@example.com')
    expect(render('{{email}}', remove)).toBe('ada@example.com')
    expect(render('{{id}}', changeOf({ id: 7 }, { status: 1 }))).toBe('7')
  })

  test('prefers a variable to a column of the same name, which new. still reaches', () => {
    expect(render('{{ts}} {{new.ts}}', update)).toBe('2026-11-20T10:00:00.123456Z column ts')
  })

  test('accepts a variable in another case if the table has no such column', () => {
    expect(render('{{ .Table }} {{ .Op }}', update)).toBe('users update')
    const table = tableOf({ id: 'int', TABLE: 'varchar' })
    expect(render('{{ .Table }}', changeOf(null, { id: 1, TABLE: 'mine' }, table))).toBe('mine')
  })

  test('never shows what prototypes have', () => {
    for (const name of ['toString', 'hasOwnProperty', '__proto__', 'length']) {
      expect(render(`[{{doc.${name}}}]`, update)).toBe('[]')
    }
    expect(failure(() => render('{{constructor}}', update)).code).toBe('BINGO_UNKNOWN_COLUMN')
    expect(failure(() => render('{{new.__proto__}}', update)).code).toBe('BINGO_UNKNOWN_COLUMN')
    const odd = tableOf({ constructor: 'varchar' as const, other: 'int' })
    expect(render('{{constructor}}', changeOf(null, { constructor: 'c' }, odd))).toBe('c')
  })

  test('fails at bind for a column that the table does not have', () => {
    const error = failure(() => compileTemplate(inlineText('x:{{nmae}}', 'r1')).bind(USERS))
    expect(error.code).toBe('BINGO_UNKNOWN_COLUMN')
    expect(error.message).toContain('(inline:1:5)')
    expect(error.hint).toBe('did you mean "name"?')
  })

  test('fails for a column that the row image leaves out', () => {
    expect(failure(() => render('{{age}}', changeOf({ id: 1 }, { status: 2 }))).code).toBe('BINGO_COLUMN_ABSENT')
  })

  test('fails for a structure where text is wanted', () => {
    const error = failure(() => render('{{doc}}', update))
    expect(error.code).toBe('BINGO_TEMPLATE_OBJECT')
    expect(error.hint).toBe('write {{json doc}}')
  })

  test('has blocks as Handlebars has them', () => {
    const doc: Value = {
      items: [
        { n: 'a', c: 1 },
        { n: 'b', c: 0 },
      ],
      map: { x: 1, y: 2 },
      on: true,
      off: false,
      none: [],
    }
    const change = changeOf(null, { ...ADA, doc })
    const context = { doc, id: ADA['id'] }
    for (const text of [
      '{{#if doc.on}}yes{{else}}no{{/if}}{{#unless doc.off}}!{{/unless}}',
      '{{#if doc.off}}a{{else if doc.on}}b{{else}}c{{/if}}',
      '{{#each doc.items}}{{@index}}{{n}}{{#if c}}+{{/if}}{{#unless @last}},{{/unless}}{{/each}}',
      '{{#each doc.map}}{{@key}}={{this}};{{/each}}',
      '{{#each doc.none}}x{{else}}none{{/each}}',
      '{{#each doc.items as |item i|}}{{i}}{{item.n}}{{../id}}{{/each}}',
      '{{#each doc.items}}{{#each ../doc.map}}{{../n}}{{this}}{{@root.id}} {{/each}}{{/each}}',
      '{{#with doc.map}}{{x}}-{{y}}{{/with}}{{#with doc.nothing}}x{{else}}nothing{{/with}}',
      'a\n{{#if doc.on}}\nb\n{{/if}}\nc',
    ]) {
      expect(render(text, change)).toBe(Handlebars.compile(text, { noEscape: true })(context))
    }
  })

  test('reads the columns that it names', () => {
    const reads = (text: string): unknown => compileTemplate(inlineText(text)).reads(USERS)
    expect(reads('{{ID}} {{new.name}}')).toEqual({ new: new Set(['id', 'name']), old: new Set(['id']) })
    expect(reads('{{old.age}} {{upper (lower email)}}')).toEqual({
      new: new Set(['email']),
      old: new Set(['age', 'email']),
    })
    expect(reads('{{#each doc.items}}{{n}}{{../status}}{{/each}}')).toEqual({
      new: new Set(['doc', 'status']),
      old: new Set(['doc', 'status']),
    })
    expect(reads('{{event.id}} {{op}} {{event.key.id}}')).toEqual({ new: new Set(['id']), old: new Set(['id']) })
    expect(reads('{{json new}}')).toEqual({ new: 'all', old: new Set() })
    expect(reads('{{json event}}')).toEqual({ new: 'all', old: 'all' })
  })
})

describe('A strict template', () => {
  test('fails on NULL, missing and empty values', () => {
    const row = changeOf(null, { ...ADA, age: null, name: '' })
    expect(failure(() => strict('k:{{age}}', row)).code).toBe('BINGO_TEMPLATE_NULL')
    expect(failure(() => strict('k:{{doc.nothing}}', row)).code).toBe('BINGO_TEMPLATE_NULL')
    expect(failure(() => strict('k:{{name}}', row)).code).toBe('BINGO_TEMPLATE_EMPTY')
    expect(failure(() => strict('k:{{lower age}}', row)).code).toBe('BINGO_TEMPLATE_NULL')
    expect(failure(() => strict('{{id}}:{{#if id}}{{age}}{{/if}}', row)).code).toBe('BINGO_TEMPLATE_NULL')
    expect(strict('k:{{default age 0}}', row)).toBe('k:0')
    expect(render('k:{{age}}{{name}}', row)).toBe('k:')
  })

  test('reports which row is missing', () => {
    expect(failure(() => strict('{{new.id}}', remove)).hint).toContain('a DELETE has no new row')
    expect(failure(() => strict('{{old.id}}', insert)).hint).toContain('an INSERT has no old row')
  })

  test('keeps any other value as it is', () => {
    expect(strict('{{name}}', changeOf(null, { ...ADA, name: 'a\nb\0{{id}}' }))).toBe('a\nb\0{{id}}')
    expect(strict('{{id}}', changeOf(null, { ...ADA, id: 0 }))).toBe('0')
  })
})

describe('A template is refused', () => {
  test.each([
    ['{{foo', 'not closed', 1],
    ['ab {{lowr name}}', 'unknown helper "lowr"', 6],
    ['{{1 name}}', 'unknown helper "1"', 3],
    ['{{#if id}}'.repeat(51), 'nested deeper than 50 levels', 501],
    [`{{json ${'(json '.repeat(51)}`, 'nested deeper than 50 levels', 308],
    ['{{event.foo}}', 'the event has no "foo"', 3],
    ['{{> partial}}', 'partials', 1],
    ['{{#foo}}x{{/foo}}', 'unknown block "foo"', 1],
    ['{{#if id}}x{{/each}}', 'closed by', 1],
    ['{{upper id name}}', 'takes 1 value(s), but has 2', 3],
    ['{{json id x=1}}', 'do not take name=value', 11],
    ['{{@index}}', 'inside {{#each}}', 3],
    ['{{../id}}', 'inside {{#each}}', 3],
    ['{{* decorator}}', 'partials and decorators', 1],
  ])('%s', (text, message, column) => {
    const [first] = problems(text)
    expect(first?.message).toContain(message)
    expect(first?.column).toBe(column)
  })

  test('with all problems at once', () => {
    expect(problems('{{lowr a}} {{uper b}}\n {{event.x}}').map(({ column }) => column)).toEqual([3, 14, 4])
  })
})
