import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { BingoError, ProblemsError } from '../../../../../src/model/errors.ts'
import { compilePredicate } from '../../../../../src/rules/language/cel/predicate.ts'
import { inlineText } from '../../../../../src/rules/language/source-text.ts'
import { ADA, changeOf, USERS } from '../../../../support/match-tables.ts'

/** Hang detection, not a measure of speed. */
const HANGS_MS = 120_000

/** The answer, or the message of what is wrong. */
function ask(text: string, columns: object = {}): boolean | string {
  try {
    return compilePredicate(inlineText(text)).bind(USERS)(changeOf(null, { ...ADA, ...columns }))
  } catch (error) {
    if (error instanceof ProblemsError) return `refused: ${error.problems[0]!.message} → ${error.problems[0]!.hint}`
    if (error instanceof BingoError) return error.message
    throw error
  }
}

describe('Conversions', () => {
  test.each([
    ["int('')", '"" is not a whole number'],
    ["int(' 1')", '" 1" is not a whole number'],
    ["int('1.5')", '"1.5" is not a whole number'],
    ["int('0x10')", '"0x10" is not a whole number'],
    ["int('0b11')", '"0b11" is not a whole number'],
    ["int('9223372036854775808')", 'exceeds the range of an int'],
    ['int(1e30)', 'exceeds the range of an int'],
    ['int(new.serial)', 'exceeds the range of an int'],
    ["uint('-1')", 'non-negative'],
    ["uint('')", 'non-negative'],
    ['uint(-1)', 'exceeds the range of a uint'],
    ['uint(1e30)', 'exceeds the range of a uint'],
    ["double('')", '"" is not a number'],
    ["double('0x10')", '"0x10" is not a number'],
    ["double('1,5')", '"1,5" is not a number'],
    ["double('1e999')", '"1e999" is not a number'],
  ])('%s is an error', (text, message) => {
    expect(ask(`dyn(${text}) == 0`)).toContain(message)
    expect(ask(`new.tags.exists(t, dyn(${text}) == 0)`)).toContain(message)
  })

  test.each([
    "int('-42') == -42",
    "int('+7') == 7",
    "int('007') == 7",
    'int(-1.9) == -1',
    "uint('18446744073709551615') == uint(new.serial)",
    "double('1.50') == 1.5",
    "double('-1e3') == -1000.0",
    "double('.5') == 0.5",
    "double('-Infinity') < 0.0",
    "string(1.5) == '1.5'",
    "string(2.0) == '2'",
    "string(-0.0) == '-0'",
    "string(1.0 / 0.0) == '+Inf'",
    "string(new.serial) == '18446744073709551615'",
    "string(duration('-90500ms')) == '-90.5s'",
    "string(timestamp('2026-11-20 10:00:00.120')) == '2026-11-20T10:00:00.12Z'",
    "int(timestamp('1970-01-01T00:00:01.9Z')) == 1",
    "int(timestamp('1969-12-31T23:59:59.5Z')) == -1",
  ])('%s', (text) => {
    expect(ask(text)).toBe(true)
  })
})

describe('Timestamps', () => {
  test.each([
    // RFC 3339, and the forms of DATE, DATETIME(n) and TIMESTAMP(n).
    "timestamp('2026-11-20T10:00:00Z') == timestamp('2026-11-20T12:00:00+02:00')",
    "timestamp('2026-11-20 10:00:00') == timestamp('2026-11-20T10:00:00Z')",
    "timestamp('2026-11-20T10:00:00') == timestamp('2026-11-20T10:00:00Z')",
    "timestamp('2026-11-20') == timestamp('2026-11-20T00:00:00Z')",
    "timestamp('2026-11-20 10:00:00.000001') > timestamp('2026-11-20 10:00:00')",
    "timestamp('2026-11-20T10:00:00.500000Z') - timestamp('2026-11-20T10:00:00Z') == duration('500ms')",
    // The commit time of the event, exactly.
    "ts == timestamp('2026-11-20T10:00:00.123456Z')",
    "ts > timestamp('2026-11-20T10:00:00.123455Z') && ts < timestamp('2026-11-20T10:00:00.123457Z')",
    "ts - timestamp('2026-11-20 10:00:00.123') == duration('456us')",
    "ts + duration('1h') == timestamp('2026-11-20T11:00:00.123456Z')",
    "ts.getHours('Asia/Tokyo') == 19 && ts.getHours('-02:00') == 8 && ts.getHours() == 10",
    "timestamp('2026-03-29T01:30:00Z').getHours('Europe/Berlin') == 3",
    "timestamp('2026-12-31T23:30:00Z').getFullYear('+01:00') == 2027",
    "timestamp('2026-12-31').getDayOfYear() == 364 && timestamp('2026-12-31').getMonth() == 11",
    "timestamp('0001-01-01T00:00:00Z') < timestamp('9999-12-31T23:59:59.999999999Z')",
    "timestamp('0050-06-01').getFullYear() == 50",
  ])('%s', (text) => {
    expect(ask(text)).toBe(true)
  })

  test.each([
    ["timestamp('0000-00-00 00:00:00') == ts", 'is not a valid time such as'],
    ["timestamp('2026-02-30') == ts", 'is not a valid time such as'],
    ["timestamp('2026-11-20 25:00:00') == ts", 'is not a valid time such as'],
    ["timestamp('') == ts", 'is not a valid time such as'],
    ["timestamp('20.11.2026') == ts", 'is not a valid time such as'],
    ["timestamp('9999-12-31T23:59:59Z') + duration('1s') == ts", 'outside the years'],
    ["ts.getHours('Nowhere/City') == 1", 'is not a valid time zone'],
    ["ts > '2026-01-01'", "compare with a timestamp: ts > timestamp('2026-01-31T00:00:00Z')"],
    ["'2026-01-01' <= ts", 'compare with a timestamp'],
  ])('%s is an error', (text, message) => {
    expect(ask(text)).toContain(message)
  })

  test('a column of DATETIME or TIMESTAMP reads as UTC, whatever TZ the process has', { timeout: HANGS_MS }, () => {
    const script = `
      const { compilePredicate } = await import('./src/rules/language/cel/predicate.ts')
      const { inlineText } = await import('./src/rules/language/source-text.ts')
      const { ADA, changeOf, USERS } = await import('./test/support/match-tables.ts')
      const row = { ...ADA, name: '2026-11-20 10:00:00', email: '2026-03-29 02:30:00' }
      const ask = (text) => compilePredicate(inlineText(text)).bind(USERS)(changeOf(null, row))
      console.log(ask("timestamp(new.name) == timestamp('2026-11-20T10:00:00Z')"),
        ask("timestamp(new.email).getHours('UTC') == 2 && timestamp(new.email).getHours() == 2"),
        ask("timestamp('2026-07-01').getDayOfYear() == 181"))`
    for (const TZ of ['Asia/Tokyo', 'Europe/Berlin']) {
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        env: { ...process.env, TZ },
        encoding: 'utf8',
      })
      expect(`${TZ} ${stdout}${stderr}`).toBe(`${TZ} true true true\n`)
    }
  })
})

describe('Durations', () => {
  test.each([
    "duration('1h30m') == duration('90m')",
    "duration('-1.5s') + duration('1s') == duration('-500ms')",
    "duration('-500ms') + duration('0') == duration('-500ms')",
    "duration('1us') > duration('999ns') && duration('1µs') == duration('1us')",
    "duration('3661.5s').getHours() == 1 && duration('3661.5s').getMinutes() == 61",
    "duration('3661.5s').getSeconds() == 3661 && duration('3661.5s').getMilliseconds() == 500",
  ])('%s', (text) => {
    expect(ask(text)).toBe(true)
  })

  test.each(['', '1', 's', '1d', '1h x', '1 h', '--1s', '.s'])('%j is not one', (text) => {
    expect(ask(`duration('${text}') > duration('1s')`)).toContain('is not a valid duration')
  })

  test('are at most 10,000 years', () => {
    expect(ask("duration('320000000000s') > duration('1s')")).toContain('exceeds 10,000 years')
  })
})
