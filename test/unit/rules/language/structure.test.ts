import { describe, expect, test } from 'vitest'
import type { Change } from '../../../../src/model/event/change.ts'
import { stringifyValue, toChangeEvent } from '../../../../src/model/event/forms/event-json.ts'
import { inlineText } from '../../../../src/rules/language/source-text.ts'
import { compileStructure } from '../../../../src/rules/language/structure.ts'
import type { StructureSource } from '../../../../src/rules/language/structure.ts'
import { ADA, changeOf, USERS } from '../../../support/match-tables.ts'

const update = changeOf({ ...ADA, email: 'old@example.com' }, ADA)
const insert = changeOf(null, ADA)

describe('A structure', () => {
  const text = (value: string): StructureSource => ({ tag: 'text', text: inlineText(value) })
  const build = (source: StructureSource, change: Change): unknown =>
    compileStructure(source, inlineText('').location).bind(change.table)(change)
  const json = (source: StructureSource, change: Change): string =>
    compileStructure(source, inlineText('').location).bindJson(change.table)(change)
  const asText = (source: StructureSource, change: Change): string =>
    compileStructure(source, inlineText('').location).bindText(change.table)(change)

  test('keeps the type of a leaf that is one expression, and makes text of any other', () => {
    const source: StructureSource = {
      tag: 'map',
      entries: [
        ['age', text('{{new.age}}')],
        ['nothing', text('{{old.age}}')],
        ['serial', text('{{serial}}')],
        ['doc', text('{{doc}}')],
        ['mixed', text('{{new.age}}!')],
        ['empty', text('[{{old.age}}]')],
        ['json', text('{{json doc.tags}}')],
        ['literal', { tag: 'value', value: true }],
        ['list', { tag: 'list', items: [text('{{id}}'), { tag: 'value', value: 1 }] }],
        ['{{id}}', text('key')],
      ],
    }
    expect(json(source, insert)).toBe(stringifyValue(build(source, insert)))
    expect(json(source, insert)).toBe(
      '{"age":31,"nothing":null,"serial":"18446744073709551615","doc":{"vip":true,"tags":["x","y"],"level":3,"constructor":"c"},' +
        '"mixed":"31!","empty":"[]","json":"[\\"x\\",\\"y\\"]","literal":true,"list":[101,1],"{{id}}":"key"}',
    )
  })

  test('may be the whole event or a whole row', () => {
    expect(build(text('{{event}}'), update)).toEqual(toChangeEvent(update))
    expect(build(text('{{old}}'), insert)).toBe(null)
  })

  test('is safe from what data holds', () => {
    const name = `"}],\\\u2028\ud800\r\n{{id}}`
    const source: StructureSource = { tag: 'map', entries: [['n', text('<{{name}}>')]] }
    const change = changeOf(null, { ...ADA, name })
    expect(JSON.parse(stringifyValue(build(source, change)))).toEqual({ n: `<${name}>` })
    expect(JSON.parse(json(source, change))).toEqual({ n: `<${name}>` })
  })

  test('that is empty is so as JSON too', () => {
    expect(json({ tag: 'map', entries: [] }, insert)).toBe('{}')
    expect(json({ tag: 'list', items: [] }, insert)).toBe('[]')
    expect(json({ tag: 'value', value: null }, insert)).toBe('null')
  })

  test('has its keys in the order written, as JSON', () => {
    const source: StructureSource = {
      tag: 'map',
      entries: [
        ['b', text('{{id}}')],
        ['1', text('{{new.age}}')],
      ],
    }
    expect(json(source, insert)).toBe('{"b":101,"1":31}')
  })

  test('is literal text, and JSON if it is more than text', () => {
    expect(asText(text('{{new.age}} years'), insert)).toBe('31 years')
    expect(asText(text('{{old.age}}'), insert)).toBe('')
    expect(asText(text('{{serial}}'), insert)).toBe('18446744073709551615')
    expect(asText(text('{{doc.tags}}'), insert)).toBe('["x","y"]')
    expect(asText({ tag: 'list', items: [text('{{id}}')] }, insert)).toBe('[101]')
  })

  test('reads what its leaves read', () => {
    const source: StructureSource = { tag: 'list', items: [text('{{new.age}}'), text('{{old.name}}x')] }
    const structure = compileStructure(source, inlineText('').location)
    expect(structure.reads(USERS)).toEqual({ new: new Set(['age']), old: new Set(['name']) })
  })
})
