import { expect, test } from 'vitest'
import { BingoError } from '../../../src/model/errors.ts'
import { createRedactor, redactUrls } from '../../../src/ops/redact.ts'

test('credentials in addresses are hidden, the rest stays readable', () => {
  expect(redactUrls('cannot reach redis://user:pw@cache:6379/1 now')).toBe('cannot reach redis://***@cache:6379/1 now')
  expect(redactUrls('mysql://db:3306/x@y')).toBe('mysql://db:3306/x@y')
})

test('known secrets are hidden everywhere, encoded ones too', () => {
  const redact = createRedactor(['p@ssword', 'abc'])
  expect(redact({ a: ['is p@ssword here'], b: 'p%40ssword', c: 'abc' })).toEqual({
    a: ['is *** here'],
    b: '***',
    c: 'abc',
  })
})

test('values under telling names and bearer tokens are hidden', () => {
  const redact = createRedactor([])
  expect(redact({ token: 'x', headers: { authorization: 'y' }, text: 'Bearer abcdefghijk' })).toEqual({
    token: '***',
    headers: { authorization: '***' },
    text: 'Bearer ***',
  })
})

test('errors become code, message, hint and cause, without a stack', () => {
  const error = new BingoError('BINGO_X', 'at redis://u:pw@h', { hint: 'do y', cause: new Error('inner') })
  expect(createRedactor([])(error)).toEqual({
    code: 'BINGO_X',
    message: 'at redis://***@h',
    hint: 'do y',
    cause: 'inner',
  })
})
