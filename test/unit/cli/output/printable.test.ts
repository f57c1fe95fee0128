import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { printError } from '../../../../src/cli/output/print-error.ts'
import { table } from '../../../../src/cli/output/table.ts'
import { BingoError, ProblemsError } from '../../../../src/model/errors.ts'

/** Clears a terminal, and names its window; in one character, and in two. */
const HOSTILE = 'a\u001B[2J\u001B]0;x\u0007\u009B2Jb'
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/

function printed(error: unknown): string {
  const stream = new PassThrough()
  printError(error, stream as never, true)
  return String(stream.read())
}

test('nothing that a server or a row says is a sequence for the terminal', () => {
  const cells = table([
    ['ID', 'MESSAGE'],
    ['1', HOSTILE],
    ['2', 'two\nlines'],
  ])
  expect(cells).toEqual(['ID  MESSAGE', expect.stringMatching(/^1 {3}a \[2J \]0;x {2}2Jb$/), '2   two lines'])
  expect(cells.join('\n')).not.toMatch(CONTROLS)
})

test('nor is what an error repeats, with its cause', () => {
  const text = printed(new BingoError('BINGO_TEST', HOSTILE, { hint: `x\n${HOSTILE}`, cause: new Error(HOSTILE) }))
  expect(text).toContain('a [2J ]0;x')
  expect(text).not.toMatch(CONTROLS)
  expect(printed(new Error(HOSTILE))).not.toMatch(CONTROLS)
})

test('nor is what a problem quotes', () => {
  const location = { file: `${HOSTILE}.yaml`, line: 1, column: 1, excerpt: HOSTILE }
  const problem = { code: 'BINGO_TEST', severity: 'error' as const, location, message: HOSTILE, hint: HOSTILE }
  const text = printed(new ProblemsError([problem]))
  expect(text).toContain('hint: a [2J')
  expect(text).not.toMatch(CONTROLS)
})
