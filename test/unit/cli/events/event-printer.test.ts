import { expect, test } from 'vitest'
import { EventPrinter } from '../../../../src/cli/events/event-printer.ts'
import type { LineOutput } from '../../../../src/cli/output/line-output.ts'
import type { RowsBlock } from '../../../../src/model/source/binlog-stream.ts'
import type { CompileRowDecoder } from '../../../../src/match/program/row-decoder.ts'
import { compileRowImages } from '../../../../src/sources/mysql/binlog/event-bytes/row-images.ts'
import { compileRowDecoder } from '../../../../src/sources/mysql/binlog/rows/row-decoder.ts'
import { tableDef, transaction } from '../../../support/jobs.ts'
import { Random } from '../../../support/random-tables.ts'
import { randomImages, randomShape, randomTable } from '../../sources/mysql/binlog/event-bytes/random-images.ts'

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

/** What is printed of the transactions, in the pieces that were handed to the output. */
function printed(transactions: readonly (readonly RowsBlock[])[], fromImages: boolean, limit: number): Buffer[] {
  const pieces: Buffer[] = []
  const output = {
    writeBytes: (buffers: readonly Buffer[], written: () => void) => {
      pieces.push(Buffer.concat(buffers))
      written()
    },
  } as unknown as LineOutput
  const handler = new EventPrinter({
    shownAs: () => null,
    format: 'json',
    ddl: false,
    limit,
    wants: () => true,
    compileRowDecoder,
    ...(fromImages && { compileRowImages }),
    output,
    onLimit: () => undefined,
  })
  for (const [i, blocks] of transactions.entries()) {
    handler.begin(transaction(i))
    for (const block of blocks) void handler.rows(block)
    handler.commit()
  }
  return pieces
}

function randomBlock(random: Random, rowCount: number, firstSeq: number): RowsBlock {
  const made = randomTable(random)
  const shape = randomShape(random, made.kinds.length)
  const buffer = randomImages(random, made, shape, rowCount)
  return { ...shape, table: made.table, buffer, start: 0, end: buffer.length, firstSeq }
}

test('lines written from images are those of decoded rows, byte for byte, whatever the tables and the limit', () => {
  const random = new Random(31)
  const transactions = Array.from({ length: 50 }, () =>
    Array.from({ length: 1 + random.below(4) }, (_, i) => randomBlock(random, 1 + random.below(20), i * 1_000)),
  )
  for (const limit of [Infinity, 700]) {
    const lines = Buffer.concat(printed(transactions, true, limit)).toString()
    expect(lines).toBe(Buffer.concat(printed(transactions, false, limit)).toString())
    expect(lines.split('\n').length).toBeGreaterThan(limit === Infinity ? 1_000 : 700)
  }
})

test('a transaction that is too large to be kept goes out in pieces that a pipe takes at once', () => {
  const random = new Random(32)
  const small = randomBlock(random, 8, 0)
  const blocks = Array.from({ length: 9_000 }, (_, i) => ({ ...small, firstSeq: i * 100 }))
  const [kept, ...pieces] = printed([blocks], true, Infinity)
  expect(kept!.length).toBeGreaterThan(8 * 1024 * 1024)
  expect(pieces.length).toBeGreaterThan(20)
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024)
  const lines = Buffer.concat([kept!, ...pieces])
    .toString('latin1')
    .split('\n')
  expect(lines).toHaveLength(8 * 9_000 + 1)
  expect([lines[0], lines.at(-2)].map((line) => /"seq":\d+/.exec(line!)![0])).toEqual(['"seq":0', '"seq":899907'])
})
