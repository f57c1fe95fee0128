import { expect, test } from 'vitest'
import { BinlogPositions } from '../../../../src/sources/mysql/binlog-positions.ts'

const server = { flavour: 'mysql', server: 'uuid-1', fileCreated: 17 } as const
const positions = new BinlogPositions(() => server)
const position = { flavour: 'mysql', file: 'binlog.000003', offset: 157, gtidSet: 'a:1-5' } as const

test('a position that is printed and parsed says whose it is', () => {
  expect(positions.parse(positions.print(position))).toEqual({ ...position, server })
  const parsed = positions.parse(positions.print(position))
  expect(positions.print(parsed)).toBe(positions.print(position))
})

test('text that is not a position is refused with what to do', () => {
  for (const text of ['', '{}', 'binlog.000003:157', '{"position":{}}']) {
    expect(() => positions.parse(text)).toThrow(expect.objectContaining({ code: 'BINGO_CHECKPOINT_CORRUPT' }))
  }
})
