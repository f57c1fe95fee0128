import { expect, test } from 'vitest'
import { exitCodeOf } from '../../../../src/cli/output/exit-codes.ts'
import { BingoError, ProblemsError } from '../../../../src/model/errors.ts'

test.each([
  [new ProblemsError([]), 1],
  [new BingoError('BINGO_RULE_UNKNOWN', 'x'), 1],
  [new BingoError('BINGO_SOURCE_GAP', 'x'), 3],
  [new BingoError('BINGO_PREFLIGHT_FAILED', 'x'), 3],
  [new BingoError('BINGO_CHECKPOINT_FOREIGN', 'x'), 3],
  [new BingoError('BINGO_STATEMENT_FORMAT', 'x'), 3],
  [new BingoError('BINGO_SOURCE_UNREACHABLE', 'x', { retryable: true }), 4],
  [new BingoError('BINGO_CHECKPOINT_FENCED', 'x'), 5],
  [new BingoError('BINGO_CHECKPOINT_LOCKED', 'x', { retryable: true }), 5],
  [new TypeError('x'), 70],
])('%o ends the process with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})
