import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { EvaluationError, ProblemsError } from '../../../../../src/model/errors.ts'
import type { Value } from '../../../../../src/model/event/row.ts'
import { inlineText } from '../../../../../src/rules/language/source-text.ts'
import { compileStructure } from '../../../../../src/rules/language/structure.ts'
import { compileTemplate } from '../../../../../src/rules/language/template/template.ts'
import { changeOf, tableOf } from '../../../../support/match-tables.ts'

const ORDERS = tableOf(
  {
    id: 'bigint',
    price: 'varchar',
    huge: 'bigint',
    ratio: 'double',
    created: 'varchar',
    seconds: 'int',
    title: 'varchar',
    nothing: 'varchar',
  },
  'orders',
)
const ROW = {
  id: 7,
  price: '12.50',
  huge: 9223372036854775807n,
  ratio: 0.1,
  created: '2026-03-29 00:30:00.250000',
  seconds: 1_700_000_000,
  title: 'Grüße 👋🏽 an alle',
  nothing: null,
}
const change = changeOf(null, ROW, ORDERS)

const render = (text: string): string => compileTemplate(inlineText(text)).bind(ORDERS)(change)

function value(text: string): Value {
  const source = inlineText(text)
  return compileStructure({ tag: 'text', text: source }, source.location).bind(ORDERS)(change) as Value
}

function failure(text: string): string {
  try {
    render(text)
  } catch (error) {
    if (error instanceof EvaluationError) return `${error.code}: ${error.message} → ${error.hint}`
    throw error
  }
  throw new Error('nothing was thrown')
}

function refusal(text: string): string {
  try {
    compileTemplate(inlineText(text))
  } catch (error) {
    if (error instanceof ProblemsError) {
      const [problem] = error.problems
      return `${problem!.location!.line}:${problem!.location!.column} ${problem!.message} → ${problem!.hint}`
    }
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('Helpers for times', () => {
  test.each([
    ['{{date created}}', '2026-03-29T00:30:00Z'],
    ['{{date "2026-03-29"}}', '2026-03-29T00:00:00Z'],
    ['{{date seconds "yyyy-MM-dd HH:mm:ss"}}', '2023-11-14 22:13:20'],
    ['{{date created "dd.MM.yy H:mm:ss.SSS" "Europe/Berlin"}}', '29.03.26 1:30:00.250'],
    // In Berlin the clocks go from 02:00 to 03:00 that night.
    ['{{date "2026-03-29T01:00:00Z" "HH:mm xxx" "Europe/Berlin"}}', '03:00 +02:00'],
    ['{{date "2026-03-29T00:59:59Z" "HH:mm xxx" "Europe/Berlin"}}', '01:59 +01:00'],
    ['{{date created "XXX" "America/St_Johns"}} {{date created "XXX"}} {{date created "xxx"}}', '-02:30 Z +00:00'],
    ['{{date created "EEE, d MMM yyyy" "-08:00"}}', 'Sat, 28 Mar 2026'],
    ['{{date created "EEEE MMMM d M"}}', 'Sunday March 29 3'],
    ["{{date created \"'week of' yyyy''MM\"}}", "week of 2026'03"],
    ['{{date ts "SSSSSS"}}', '123456'],
    ['{{unix created}} {{unix created "ms"}} {{unix ts "us"}}', '1774744200 1774744200250 1795168800123456'],
    ['{{unix "1969-12-31 23:59:59.5"}}', '-1'],
    ['{{addDuration created "1d12h"}}', '2026-03-30T12:30:00.25Z'],
    [
      '{{addDuration created "-7d"}} {{addDuration "2026-01-31" "90s"}}',
      '2026-03-22T00:30:00.25Z 2026-01-31T00:01:30Z',
    ],
    ['{{date (addDuration created "1h") "HH:mm" "Asia/Kathmandu"}}', '07:15'],
    ['{{date nothing}}{{unix nothing}}{{addDuration nothing "1h"}}', ''],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected)
  })

  test('fail for what is not a time, and do not show the value', () => {
    expect(failure('{{date title}}')).toContain(
      'BINGO_TEMPLATE_HELPER: rule "inline": {{date title}} fails: the value is not a time such as 2026-11-20T10:11:12Z',
    )
    expect(failure('x{{unix price}}')).toContain('(inline:1:4)')
    expect(failure('{{addDuration created title}}')).toContain('is not a duration such as 90s, 1h30m or -7d')
    expect(failure('{{addDuration created "4000000d"}}')).toContain('outside the years 1 to 9999')
    expect(failure('{{date created "HH" title}}')).toContain('time zone')
  })

  test('refuse constants that can never work when the rules are loaded', () => {
    expect(refusal('at {{date created "YYYY-MM-DD"}}')).toContain(
      '1:6 "date": the format has "YYYY", which means nothing',
    )
    expect(refusal('{{date created "HH:mm" "Europe/Berln"}}')).toContain('"Europe/Berln" is not a valid time zone')
    expect(refusal('{{date "0000-00-00"}}')).toContain('is not a time')
    expect(refusal('{{date created "yyyy \'open"}}')).toContain('a quote in the format is not closed')
    expect(refusal('{{unix created "h"}}')).toContain('the unit is one of "s", "ms", "us"')
    expect(refusal('{{addDuration created "2 weeks"}}')).toContain('is not a duration')
    expect(refusal('{{addDuration created "--1d"}}')).toContain('is not a duration')
  })
})

describe('Helpers for numbers', () => {
  test.each([
    ['{{add price "0.005"}}', '12.505'],
    ['{{add price 1 2.25}}', '15.75'],
    ['{{sub price 20}}', '-7.50'],
    ['{{mul price price}}', '156.2500'],
    ['{{div price 3}}', '4.166667'],
    ['{{div price 3 2}}', '4.17'],
    ['{{div "-12.50" 3 2}}', '-4.17'],
    ['{{round price}} {{round "-0.5"}} {{round "2.345" 2}} {{round "1" 3}}', '13 -1 2.35 1.000'],
    ['{{add "99999999999999999999999999.99" "0.01"}}', '100000000000000000000000000.00'],
    ['{{add nothing 1}}{{div price nothing}}', ''],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected)
  })

  test('keep the type: whole numbers stay numbers, texts stay texts, and nothing loses digits', () => {
    expect(value('{{add id 1}}')).toBe(8)
    expect(value('{{add huge 1}}')).toBe(9223372036854775808n)
    expect(value('{{sub huge huge}}')).toBe(0)
    expect(value('{{add ratio 0.2}}')).toBe(0.3)
    expect(value('{{div 7 2}}')).toBe(3.5)
    expect(value('{{div 6 2}}')).toBe(3)
    expect(value('{{mul price 2}}')).toBe('25.00')
    expect(value('{{mul (round price) 2}}')).toBe('26')
  })

  test('fail for what is not a number, and for a division by zero', () => {
    expect(failure('{{add price title}}')).toContain('a value is not a number')
    expect(failure('{{div price (sub id id)}}')).toContain('division by zero')
    expect(failure('{{round price title}}')).toContain('the number of digits has to be a whole number from 0 to 100')
    expect(refusal('{{div price 0}}')).toContain('division by zero')
    expect(refusal('{{add price "1,5"}}')).toContain('a value is not a number')
  })

  test('do not compute with numbers of any length', () => {
    expect(refusal('{{add 1 "1e9999"}}')).toContain('not a number')
    expect(refusal(`{{add 1 "${'9'.repeat(1001)}"}}`)).toContain('not a number')
  })
})

describe('Helpers for texts', () => {
  test.each([
    ['{{substring title 0 5}}|{{substring title 6 7}}|{{substring title 99}}', 'Grüße|👋|'],
    ['{{replace title " " "_"}} {{replace price "." "$&"}}', 'Grüße_👋🏽_an_alle 12$&50'],
    ['{{#each (split created " ")}}[{{this}}]{{/each}}', '[2026-03-29][00:30:00.250000]'],
    ['{{lookup (split created " ") 0}}', '2026-03-29'],
    ['{{truncate title 6 "…"}}|{{truncate title 99 "…"}}|{{truncate title 2}}', 'Grüße…|Grüße 👋🏽 an alle|Gr'],
    // RFC 9562, appendix A.4.
    ['{{uuid5 "dns" "www.example.com"}}', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
    ['{{uuid5 "6ba7b810-9dad-11d1-80b4-00c04fd430c8" "www.example.com"}}', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
    ['{{truncate nothing 3}}{{substring nothing 1}}{{replace nothing "a" "b"}}', ''],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected)
  })

  test('refuse constants that can never work when the rules are loaded', () => {
    expect(refusal('{{truncate title 2 "..."}}')).toContain('longer than 2 characters itself')
    expect(refusal('{{substring title -1}}')).toContain('a whole number from 0')
    expect(refusal('{{uuid5 "example.com" title}}')).toContain('the namespace is a UUID, or one of dns, url, oid, x500')
  })
})

describe('The helper hmac', () => {
  const secrets = (text: string): string => text.replaceAll('${env:KEY}', 's3cret')
  const sign = (text: string): string => compileTemplate(inlineText(text), { literal: secrets }).bind(ORDERS)(change)
  const digest = (hash: string, encoding: 'hex' | 'base64url'): string =>
    createHmac(hash, 's3cret').update(ROW.price).digest(encoding)

  test('takes its secret from the environment', () => {
    expect(sign('{{hmac price "${env:KEY}"}}')).toBe(digest('sha256', 'hex'))
    expect(sign('v1={{hmac price "${env:KEY}" "sha512" "base64url"}}')).toBe(`v1=${digest('sha512', 'base64url')}`)
    expect(sign('{{#if id}}{{upper (hmac price "${env:KEY}")}}{{/if}}')).toBe(digest('sha256', 'hex').toUpperCase())
    expect(sign('{{#with (hmac price "${env:KEY}")}}{{this}}{{/with}}')).toBe(digest('sha256', 'hex'))
  })

  test('refuses a secret that stands in the rules, or comes from a row', () => {
    expect(refusal('{{hmac price "s3cret"}}')).toContain('1:14 the secret of "hmac" does not come from the environment')
    expect(refusal('{{hmac price title}}')).toContain('write "${env:NAME}" or "${file:/run/secrets/name}"')
    expect(refusal('{{hmac price "${env:KEY}" "md5"}}')).toContain('the hash is one of sha256')
    expect(refusal('{{hmac price "${env:KEY}" "sha256" "utf8"}}')).toContain('the encoding is one of hex')
    expect(refusal('{{hmac price}}')).toContain('"hmac" takes 2 to 4 value(s), but has 1')
  })

  test('shows its secret in no message', () => {
    const template = compileTemplate(inlineText('{{hmac price "${env:KEY}"}}'), { literal: secrets })
    expect(JSON.stringify([template.source, template.outline, template.location])).not.toContain('s3cret')
  })
})
