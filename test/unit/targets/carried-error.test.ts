import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BingoError } from '../../../src/model/errors.ts'
import { DeadlineError } from '../../../src/model/with-deadline.ts'
import { classifyThrown } from '../../../src/targets/failure/classify.ts'
import { reasonOf } from '../../../src/targets/failure/error-text.ts'
import { tlsHint } from '../../../src/targets/failure/tls-hint.ts'
import { carriedError, carryError } from '../../../src/targets/threads/carried-error.ts'

/** What comes out of the other thread. */
function carried(error: unknown): Error {
  return carriedError(structuredClone(carryError(error)))
}

const codes = fc.constantFrom(
  'ECONNREFUSED',
  'UND_ERR_SOCKET',
  'UND_ERR_INVALID_ARG',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'ERR_INVALID_CHAR',
  'ELSEWHERE',
  14,
  undefined,
)
const { error } = fc.letrec<{ error: Error; cause: unknown }>((tie) => ({
  cause: fc.option(tie('error'), { nil: undefined, depthSize: 'small' }),
  error: fc
    .record({
      made: fc.constantFrom(Error, TypeError, RangeError, AggregateError, DeadlineError),
      message: fc.string(),
      name: fc.constantFrom('Error', 'SocketError', 'InvalidArgumentError'),
      code: codes,
      details: fc.option(fc.string(), { nil: undefined }),
      cause: tie('cause'),
    })
    .map(({ made, message, name, code, details, cause }) => {
      const options = cause === undefined ? undefined : { cause }
      const thrown =
        made === DeadlineError
          ? new DeadlineError(5)
          : made === AggregateError
            ? new AggregateError([cause ?? new Error('inner')], message, options)
            : new (made as typeof Error)(message, options)
      const more = { ...(code !== undefined && { code }), ...(details !== undefined && { details }) }
      return Object.assign(thrown, made === DeadlineError ? {} : { name }, more)
    }),
}))

describe('an error that goes from a thread to another', () => {
  test('is classified, and reads, as it did there', () => {
    fc.assert(
      fc.property(error, (thrown) => {
        const back = carried(thrown)
        expect(classifyThrown(back)).toBe(classifyThrown(thrown))
        expect(reasonOf(back)).toBe(reasonOf(thrown))
        expect(tlsHint(back)).toBe(tlsHint(thrown))
        expect(back).toMatchObject(
          Object.fromEntries(
            ['code', 'details', 'name'].flatMap((key) => (key in thrown ? [[key, thrown[key as 'name']]] : [])),
          ),
        )
      }),
    )
  })

  test('is a BingoError again, with its hint', () => {
    const back = carried(
      new BingoError('BINGO_TLS_FILE', 'gone', { hint: 'look', retryable: true, cause: new Error('why') }),
    )
    expect(back).toBeInstanceOf(BingoError)
    expect(back).toMatchObject({ code: 'BINGO_TLS_FILE', message: 'gone', hint: 'look', retryable: true })
    expect(back.cause).toMatchObject({ message: 'why' })
  })

  test('is one although something else was thrown, or its causes go in a circle', () => {
    expect(carried('text').message).toBe('text')
    const circle = new Error('round')
    circle.cause = circle
    expect(reasonOf(carried(circle))).toBe('round')
  })
})
