import { describe, expect, test } from 'vitest'
import { EvaluationError } from '../../../../../src/model/errors.ts'
import { inlineText } from '../../../../../src/rules/language/source-text.ts'
import { compileTemplate } from '../../../../../src/rules/language/template/template.ts'
import type { TemplatePlace } from '../../../../../src/rules/language/template/template-places.ts'
import { ADA, changeOf } from '../../../../support/match-tables.ts'

/** `source` as it is rendered for a row whose name is this one. */
function render(place: TemplatePlace, source: string, name: string): string {
  const change = changeOf(null, { ...ADA, name })
  return compileTemplate(inlineText(source, 'r1'), { strict: true, place }).bind(change.table)(change)
}

describe('a value in an address', () => {
  test.each([
    ['https://h/users/{{name}}', 'h#frag', 'https://h/users/h%23frag'],
    ['https://h/users/{{name}}/profile', 'a?b', 'https://h/users/a%3Fb/profile'],
    ['https://h/users/{{name}}', 'a/b', 'https://h/users/a%2Fb'],
    ['https://h/users/{{name}}', 'a\\b', 'https://h/users/a%5Cb'],
    ['https://h/users/{{name}}', '50%', 'https://h/users/50%25'],
    ['https://h/users/{{name}}', '../admin', 'https://h/users/..%2Fadmin'],
    ['https://h/users/{{name}}', 'é', 'https://h/users/%C3%A9'],
    ['https://h/users/{{id}}-{{name}}', 'x y', 'https://h/users/101-x%20y'],
    ['https://h?q={{name}}', 'a&b=c', 'https://h?q=a%26b%3Dc'],
    ['https://h/x?q={{name}}&r=1', 'a+b#c', 'https://h/x?q=a%2Bb%23c&r=1'],
    ['https://h/{{#if name}}u/{{name}}{{/if}}', 'a/b', 'https://h/u/a%2Fb'],
    ['https://h/{{lower name}}', 'A/B', 'https://h/a%2Fb'],
  ])('%s keeps its structure for %j', (source, name, expected) => {
    expect(render('url', source, name)).toBe(expected)
  })

  test.each([
    ['https://h/users/{{urlencode name}}', 'a/b 50%', 'https://h/users/a%2Fb%2050%25'],
    ['https://h/x?q={{urlencode name}}', 'a&b', 'https://h/x?q=a%26b'],
    ['https://h/files/{{urlpath name}}', 'a b/c#d', 'https://h/files/a%20b/c%23d'],
    ['https://h/{{default (urlencode name) "none"}}', 'a/b', 'https://h/a%2Fb'],
    ['https://h/{{concat (urlencode name) "/" name}}', 'a?', 'https://h/a%3F%2Fa%3F'],
  ])('%s is not encoded twice', (source, name, expected) => {
    expect(render('url', source, name)).toBe(expected)
  })

  test.each([
    ['{{name}}', 'https://h/a/b?c#d', 'https://h/a/b?c#d'],
    ['{{name}}/users/{{id}}', 'https://h/base', 'https://h/base/users/101'],
    ['https://{{name}}/users/{{table}}', 'eu.example.com:8080', 'https://eu.example.com:8080/users/users'],
    ['https://{{name}}.example.com/{{name}}', 'a.b', 'https://a.b.example.com/a.b'],
  ])('%s leaves what stands before the path to the rules for hosts', (source, name, expected) => {
    expect(render('url', source, name)).toBe(expected)
  })
})

describe('a value in a dotted name', () => {
  test.each([['a.b'], ['*'], ['a>'], ['>'], ['a b'], ['a\tb'], ['#'], ['a\nb']])(
    '%j would change the structure of the name and is refused',
    (name) => {
      expect(() => render('dotted', 'users.{{name}}.changed', name)).toThrow(EvaluationError)
      expect(() => render('dotted', 'users.{{name}}.changed', name)).toThrow(/\{\{name\}\} contains a dot/)
    },
  )

  test.each([
    ['users.{{name}}.changed', 'Ada', 'users.Ada.changed'],
    ['users.{{hex id}}', 'x', 'users.65'],
    ['{{name}}', 'a.b.c', 'a.b.c'],
    ['{{concat "users." name}}', 'a.b', 'users.a.b'],
    ['{{schema}}.{{table}}', 'x', 'shop.users'],
  ])('%s accepts what fits, and a single expression may contain dots', (source, name, expected) => {
    expect(render('dotted', source, name)).toBe(expected)
  })
})

describe('a binary value', () => {
  const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')
  const show = (source: string, name: string): string => {
    const change = changeOf(null, { ...ADA, name })
    return compileTemplate(inlineText(source, 'r1')).bind(change.table)(change)
  }

  test.each([
    ['{{hex name}}', base64('00ff10'), '00ff10'],
    ['{{hex name}}', '', ''],
    ['{{hex name}}', 'no base64!', ''],
    ['{{hex id}}', 'x', '65'],
    ['{{uuid name}}', base64('6ccd780cbaba102695645b8c656024db'), '6ccd780c-baba-1026-9564-5b8c656024db'],
    ['{{uuid name "swap"}}', base64('1026baba6ccd780c95645b8c656024db'), '6ccd780c-baba-1026-9564-5b8c656024db'],
    ['{{uuid name}}', '6CCD780C-BABA-1026-9564-5B8C656024DB', '6ccd780c-baba-1026-9564-5b8c656024db'],
    ['{{uuid name}}', base64('6ccd'), ''],
  ])('%s of %j', (source, value, expected) => {
    expect(show(source, value)).toBe(expected)
  })
})
