import { describe, expect, it } from 'vitest'
import { parseStartPoint, printStartPoint } from '../../../../src/sources/mysql/start-point.ts'

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562'

describe('parseStartPoint', () => {
  it.each([
    ['latest', { tag: 'latest' }],
    [' EARLIEST ', { tag: 'earliest' }],
    ['binlog.000003:1234', { tag: 'file', file: 'binlog.000003', offset: 1234 }],
    ['mysql-bin.1000000:4', { tag: 'file', file: 'mysql-bin.1000000', offset: 4 }],
    [`${UUID}:1-5`, { tag: 'gtid', gtidSet: `${UUID}:1-5` }],
    [`${UUID.toUpperCase()}:1-3:4-5`, { tag: 'gtid', gtidSet: `${UUID}:1-5` }],
    ['0-1-42', { tag: 'gtid', gtidSet: '0-1-42' }],
    ['1-2-7, 0-1-42', { tag: 'gtid', gtidSet: '0-1-42,1-2-7' }],
  ])('reads %j', (text, expected) => {
    expect(parseStartPoint(text)).toEqual(expected)
  })

  it.each(['', 'now', 'binlog.000003', 'binlog.000003:3', 'binlog.000003:4294967296', `${UUID}:x`, '0-1', '../x:4'])(
    'refuses %j',
    (text) => {
      expect(() => parseStartPoint(text)).toThrow(expect.objectContaining({ code: 'BINGO_START_INVALID' }))
    },
  )

  it('prints what it reads', () => {
    for (const text of ['latest', 'earliest', 'binlog.000003:1234', `${UUID}:1-5`, '0-1-42']) {
      expect(printStartPoint(parseStartPoint(text))).toBe(text)
    }
  })
})
