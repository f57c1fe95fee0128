import { expect, test } from 'vitest'
import { EventPrinter } from '../../../../src/cli/events/event-printer.ts'
import type { LineOutput } from '../../../../src/cli/output/line-output.ts'
import type { RowsBlock } from '../../../../src/model/source/binlog-stream.ts'
import type { CompileRowDecoder } from '../../../../src/match/program/row-decoder.ts'
import { tableDef, transaction } from '../../../support/jobs.ts'

const all = { all: true, has: () => true }
const table = tableDef()
/** Each byte of the block is a row: its value is the id. */
const byteRows: CompileRowDecoder = () => (buffer, start, end, visit) => {
  for (let at = start; at < end; at++) visit(null, { id: buffer[at]!, status: 0 }, at, at + 1)
  return end - start
}

function printer(limit = Infinity) {
  const ids: number[] = []
  let stopped = false
  const output = {
    writeBytes: (buffers: readonly Buffer[], written: () => void) => {
      const lines = Buffer.concat(buffers).toString().trimEnd().split('\n')
      for (const line of lines) ids.push((JSON.parse(line) as { new: { id: number } }).new.id)
      written()
    },
  } as unknown as LineOutput
  const handler = new EventPrinter({
    shownAs: () => null,
    format: 'json',
    ddl: false,
    limit,
    wants: () => true,
    compileRowDecoder: byteRows,
    output,
    onLimit: () => (stopped = true),
  })
  return { handler, ids, stopped: () => stopped }
}

function rows(ids: readonly number[], firstSeq = 0): RowsBlock {
  const buffer = Buffer.from(ids)
  const images = { presentOld: all, presentNew: all, partialJson: false }
  return { table, op: 'insert', buffer, start: 0, end: buffer.length, ...images, firstSeq }
}

test('rows are printed when their transaction is committed', () => {
  const { handler, ids } = printer()
  handler.begin(transaction())
  void handler.rows(rows([1, 2]))
  expect(ids).toEqual([])
  handler.commit()
  expect(ids).toEqual([1, 2])
})

test('what was rolled back, wholly or to a savepoint, is not printed', () => {
  const { handler, ids } = printer()
  handler.begin(transaction(1))
  void handler.rows(rows([1]))
  handler.rollback()
  handler.begin(transaction(2))
  void handler.rows(rows([2], 0))
  void handler.rows(rows([3], 10))
  handler.rollbackTo(10)
  void handler.rows(rows([4], 20))
  handler.commit()
  expect(ids).toEqual([2, 4])
})

test('a transaction that is read again after a lost connection is printed once', () => {
  const { handler, ids } = printer()
  handler.begin(transaction(1))
  void handler.rows(rows([1]))
  handler.begin(transaction(1))
  void handler.rows(rows([1, 2]))
  handler.commit()
  expect(ids).toEqual([1, 2])
})

test('the limit counts events, also within a transaction', () => {
  const { handler, ids, stopped } = printer(3)
  handler.begin(transaction())
  void handler.rows(rows([1, 2, 3, 4, 5]))
  handler.commit()
  expect(ids).toEqual([1, 2, 3])
  expect(stopped()).toBe(true)
})
