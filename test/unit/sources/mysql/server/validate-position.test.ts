import { describe, expect, it } from 'vitest'
import {
  type PositionFacts,
  resumesByGtid,
  validateCheckpoint,
} from '../../../../../src/sources/mysql/server/validate-position.ts'
import type { GapError } from '../../../../../src/model/event/gap.ts'
import type { SourcePosition } from '../../../../../src/model/source/position.ts'

const A = 'aaaaaaaa-71ca-11e1-9e33-c80aa9429562'
const B = 'bbbbbbbb-71ca-11e1-9e33-c80aa9429562'

const mysql: PositionFacts = {
  flavour: 'mysql',
  identity: A,
  gtids: true,
  executed: `${A}:1-100`,
  purged: `${A}:1-10`,
  files: null,
}
const fileOnly: PositionFacts = {
  ...mysql,
  gtids: false,
  executed: null,
  purged: null,
  files: [
    { name: 'binlog.999999', size: 500 },
    { name: 'binlog.1000000', size: 300 },
  ],
}

function position(change: Partial<SourcePosition>): SourcePosition {
  return { flavour: 'mysql', file: 'binlog.1000000', offset: 200, gtidSet: null, ...change }
}

function validate(at: SourcePosition, facts: PositionFacts, server = A): string {
  try {
    validateCheckpoint({ position: at, server: { flavour: at.flavour, server, fileCreated: 0 } }, facts)
    return 'fine'
  } catch (error) {
    return (error as { code: string }).code
  }
}

const MARIADB = { flavour: 'mariadb' as const, server: A, fileCreated: 0 }

describe('validateCheckpoint by GTID', () => {
  it.each([
    ['in the middle', `${A}:1-50`, 'fine'],
    ['at the end', `${A}:1-100`, 'fine'],
    ['right behind what is purged', `${A}:1-10`, 'fine'],
    ['before what is purged', `${A}:1-9`, 'BINGO_SOURCE_GAP'],
    ['ahead of the server', `${A}:1-101`, 'BINGO_CHECKPOINT_AHEAD'],
    ['partly of a source that the server has never heard of', `${A}:1-50,${B}:1`, 'BINGO_CHECKPOINT_AHEAD'],
    ['of another server altogether', `${B}:1-50`, 'BINGO_CHECKPOINT_FOREIGN'],
  ])('%s', (_, gtidSet, expected) => {
    expect(validate(position({ gtidSet }), mysql)).toBe(expected)
  })

  it('follows a failover: another identity is fine', () => {
    expect(validate(position({ gtidSet: `${A}:1-50` }), { ...mysql, identity: B })).toBe('fine')
  })

  it.each([
    ['0-1-50', 'fine'],
    ['0-2-100', 'fine'],
    ['0-1-101', 'BINGO_CHECKPOINT_AHEAD'],
    ['7-1-1', 'BINGO_CHECKPOINT_FOREIGN'],
  ])('MariaDB at %s', (gtidSet, expected) => {
    const facts: PositionFacts = { ...mysql, flavour: 'mariadb', executed: '0-1-100', purged: null }
    expect(validate(position({ flavour: 'mariadb', gtidSet }), facts)).toBe(expected)
  })

  it.each([
    ['one of two domains was deleted', '0-1-50,7-2-9', '0-1-100', '0-1-50'],
    ['two of three were', '0-1-50,7-2-9,8-2-1', '0-1-100,9-1-1', '0-1-50'],
  ])('names the domain and a place that loses nothing when %s', (_, gtidSet, executed, place) => {
    const facts: PositionFacts = { ...mysql, flavour: 'mariadb', executed, purged: null }
    const stored = { position: position({ flavour: 'mariadb', gtidSet }), server: MARIADB }
    const refusal = expect.objectContaining({
      code: 'BINGO_CHECKPOINT_AHEAD',
      message: expect.stringContaining('7-2-9'),
      hint: expect.stringContaining(`\`bingo position set ${place}\``),
    })
    expect(() => validateCheckpoint(stored, facts)).toThrow(refusal)
  })

  it('does not take a domain for deleted on a server that is behind in another one', () => {
    const facts: PositionFacts = { ...mysql, flavour: 'mariadb', executed: '0-1-40', purged: null }
    const stored = { position: position({ flavour: 'mariadb', gtidSet: '0-1-50,7-2-9' }), server: MARIADB }
    expect(() => validateCheckpoint(stored, facts)).toThrow(/is not in 0-1-40/)
  })
})

describe('a gap', () => {
  const missing = (stored: Partial<SourcePosition>, facts: PositionFacts): unknown => {
    try {
      validateCheckpoint(
        { position: position(stored), server: { flavour: facts.flavour, server: A, fileCreated: 0 } },
        facts,
      )
    } catch (error) {
      return (error as GapError).missing
    }
    return null
  }

  it('names the transactions or files that are gone', () => {
    expect(missing({ gtidSet: `${A}:1-7` }, mysql)).toBe(`${A}:8-10`)
    expect(missing({ file: 'binlog.999998', offset: 120 }, fileOnly)).toBe('binlog.999998:120 to binlog.999999')
    const mariadb: PositionFacts = { ...mysql, flavour: 'mariadb', executed: '0-1-100,7-2-9', purged: '0-1-60,7-2-9' }
    expect(missing({ flavour: 'mariadb', gtidSet: '0-1-50,7-2-8' }, mariadb)).toBe('0-1-51 to 0-1-60, 7-2-9')
    expect(missing({ flavour: 'mariadb', gtidSet: '0-1-60,7-2-9' }, mariadb)).toBe(null)
  })
})

describe('validateCheckpoint by file and offset', () => {
  it.each([
    ['inside the newest file', {}, 'fine'],
    ['at its end', { offset: 300 }, 'fine'],
    ['inside an older file', { file: 'binlog.999999' }, 'fine'],
    ['beyond the end', { offset: 301 }, 'BINGO_CHECKPOINT_AHEAD'],
    ['in a file that is not there yet', { file: 'binlog.1000001' }, 'BINGO_CHECKPOINT_AHEAD'],
    ['in a file that was purged', { file: 'binlog.999998' }, 'BINGO_SOURCE_GAP'],
  ])('%s', (_, change, expected) => {
    expect(validate(position(change), fileOnly)).toBe(expected)
  })

  it('refuses another server, whatever its files are called', () => {
    expect(validate(position({}), fileOnly, B)).toBe('BINGO_CHECKPOINT_FOREIGN')
  })

  it('refuses another flavour', () => {
    expect(validate(position({ flavour: 'mariadb' }), fileOnly)).toBe('BINGO_CHECKPOINT_FOREIGN')
  })
})

describe('resumesByGtid', () => {
  it('prefers the set, unless it is empty and a file is known', () => {
    expect(resumesByGtid(position({ gtidSet: `${A}:1` }), { gtids: true })).toBe(true)
    expect(resumesByGtid(position({ gtidSet: `${A}:1` }), { gtids: false })).toBe(false)
    expect(resumesByGtid(position({ gtidSet: '' }), { gtids: true })).toBe(false)
    expect(resumesByGtid(position({ gtidSet: '', file: '' }), { gtids: true })).toBe(true)
    expect(resumesByGtid(position({ gtidSet: null }), { gtids: true })).toBe(false)
  })
})
