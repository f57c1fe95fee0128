import { expect, test } from 'vitest'
import { BingoError } from '../../../src/model/errors.ts'
import { leaseUnreachable, stateUnreachable } from '../../../src/state/errors.ts'

const redis = (reply: string): BingoError =>
  new BingoError('BINGO_REDIS_UNREACHABLE', `Redis at redis://state: ${reply}`, {
    hint: 'Check it.',
    retryable: true,
    cause: new Error(reply),
  })

test.each([
  ['MySQL', Object.assign(new Error("Access denied for user 'bingo'"), { errno: 1045 }), true],
  ['PostgreSQL', Object.assign(new Error('password authentication failed'), { code: '28P01' }), true],
  ['Redis, a password', redis('WRONGPASS invalid username-password pair or user is disabled.'), true],
  ['Redis, none', redis('NOAUTH Authentication required.'), true],
  ['Redis that is down', redis('connect ECONNREFUSED'), false],
  ['a server that is down', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), false],
])('the hint tells a refused login from a store that is down: %s', (_, cause, isRefused) => {
  for (const { hint } of [stateUnreachable('the store', cause), leaseUnreachable('the store', cause)])
    expect(hint?.startsWith('Check user, password')).toBe(isRefused)
})
