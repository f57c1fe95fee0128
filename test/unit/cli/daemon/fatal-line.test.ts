import { expect, test } from 'vitest'
import { fatalLine } from '../../../../src/cli/daemon/fatal-line.ts'
import { BingoError, ProblemsError } from '../../../../src/model/errors.ts'

const at = new Date('2026-11-28T12:00:00Z')
const line = (error: unknown): unknown => JSON.parse(fatalLine(error, at))

test('What ends the daemon is one line with level, code, hint and exit code', () => {
  expect(line(new BingoError('BINGO_CHECKPOINT_LOCKED', 'held by another', { hint: 'Stop it.' }))).toEqual({
    level: 'fatal',
    time: '2026-11-28T12:00:00.000Z',
    code: 'BINGO_CHECKPOINT_LOCKED',
    err: 'held by another',
    hint: 'Stop it.',
    exitCode: 5,
    msg: 'stopped by an error',
  })
})

test('Passwords in addresses stay out of the line', () => {
  const error = new BingoError('BINGO_X', 'mysql://u:secret@db', { hint: 'Not redis://:secret@cache.' })
  expect(fatalLine(error, at)).not.toContain('secret')
})

test('Several problems are named each, with their codes', () => {
  const problem = { code: 'BINGO_CONFIG_VALUE', severity: 'error', location: undefined, message: 'lanes: 0' } as const
  expect(line(new ProblemsError([problem]))).toMatchObject({
    code: 'BINGO_INVALID_INPUT',
    exitCode: 1,
    problems: [{ code: 'BINGO_CONFIG_VALUE', message: 'lanes: 0' }],
  })
})

test('An internal error is fatal too', () => {
  expect(line(new TypeError('x is undefined'))).toMatchObject({ level: 'fatal', code: 'BINGO_INTERNAL', exitCode: 70 })
})
