import { describe, expect, test } from 'vitest'
import { MysqlGtidSet } from '../../../../../src/sources/mysql/gtid/gtid-set.ts'
import { MariadbGtidPosition } from '../../../../../src/sources/mysql/gtid/mariadb-gtid-position.ts'
import { fc } from '../../../../support/properties.ts'

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const B = '4e11fa47-71ca-11e1-9e33-c80aa9429562'

describe('MysqlGtidSet', () => {
  test('prints what a server prints', () => {
    expect(MysqlGtidSet.parse(` ${B}:3:1-2:7 ,\n${A.toUpperCase()}:5`).toString()).toBe(`${A}:5,${B}:1-3:7`)
  })

  test('separates tags and prints them after the untagged numbers', () => {
    const set = MysqlGtidSet.parse(`${A}:tag_b:1-3:tag_a:4:1-5`)
    expect(set.toString()).toBe(`${A}:tag_a:1-5,${B}:1`.replace(`,${B}:1`, ':tag_b:1-3'))
    expect(set.contains(`${A}:1`)).toBe(false)
    expect(set.contains(`${A}:tag_a:4`)).toBe(true)
    set.add(`${A}:9`)
    expect(set.toString()).toBe(`${A}:9:tag_a:1-5:tag_b:1-3`)
    expect(MysqlGtidSet.parse(set.toString()).toString()).toBe(set.toString())
  })

  test('counts above 2^53', () => {
    const set = MysqlGtidSet.parse(`${A}:9223372036854775806`)
    set.add(`${A}:9223372036854775805`)
    expect(set.toString()).toBe(`${A}:9223372036854775805-9223372036854775806`)
  })

  test.each([
    'x:1',
    `${A}:0`,
    `${A}:1-9223372036854775807`,
    `${A}:1--2`,
    `${A}:-1`,
    `${A}:1.5`,
    `${A}:0tag:1`,
    'null',
    '0-1-2',
  ])('refuses %s', (text) => {
    expect(() => MysqlGtidSet.parse(text)).toThrow(expect.objectContaining({ code: 'BINGO_GTID_INVALID' }))
  })

  test('an empty text is the empty set', () => {
    expect(MysqlGtidSet.parse('').isEmpty()).toBe(true)
    expect(MysqlGtidSet.parse('').toString()).toBe('')
  })

  test('a clone does not change with its origin', () => {
    const set = MysqlGtidSet.parse(`${A}:1-5`)
    const copy = set.clone()
    set.add(`${A}:6`)
    expect([copy.toString(), set.toString()]).toEqual([`${A}:1-5`, `${A}:1-6`])
  })

  test('adds, contains and subtracts like a plain set of numbers', () => {
    const numbers = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 6 })), {
      maxLength: 25,
    })
    fc.assert(
      fc.property(numbers, numbers, (left, right) => {
        const [a, plainA] = build(left)
        const [b, plainB] = build(right)
        expect(members(a)).toEqual(plainA)
        expect(members(a.subtract(b))).toEqual(new Set([...plainA].filter((n) => !plainB.has(n))))
        expect(a.containsSet(b)).toBe([...plainB].every((n) => plainA.has(n)))
        expect(MysqlGtidSet.parse(a.toString()).toString()).toBe(a.toString())
        const both = a.clone()
        both.addSet(b)
        expect(members(both)).toEqual(new Set([...plainA, ...plainB]))
        // Intervals never touch.
        expect(both.toString()).toBe(buildFrom(new Set([...plainA, ...plainB])).toString())
      }),
    )
  })
})

describe('MariadbGtidPosition', () => {
  test('keeps the last transaction of each domain', () => {
    const position = MariadbGtidPosition.parse('1-2-18446744073709551615, 0-1-5')
    position.add('0-3-6')
    expect(position.toString()).toBe('0-3-6,1-2-18446744073709551615')
    expect(position.contains('0-1-6')).toBe(true)
    expect(position.contains('0-1-7')).toBe(false)
    expect(position.contains('2-1-1')).toBe(false)
  })

  test('compares positions by domain', () => {
    const position = MariadbGtidPosition.parse('0-1-5,1-1-5')
    expect(position.containsSet(MariadbGtidPosition.parse('0-9-5'))).toBe(true)
    expect(position.containsSet(MariadbGtidPosition.parse('0-1-6'))).toBe(false)
    expect(position.containsSet(MariadbGtidPosition.parse('7-1-1'))).toBe(false)
  })

  test.each(['1-2', 'a-b-c', '1-2-3-4', `${A}:1`])('refuses %s', (text) => {
    expect(() => MariadbGtidPosition.parse(text)).toThrow(expect.objectContaining({ code: 'BINGO_GTID_INVALID' }))
  })
})

function build(intervals: readonly (readonly [number, number])[]): [MysqlGtidSet, Set<number>] {
  const set = new MysqlGtidSet()
  const plain = new Set<number>()
  for (const [first, more] of intervals) {
    set.addInterval(A, BigInt(first), BigInt(first + more))
    for (let n = first; n <= first + more; n++) plain.add(n)
  }
  return [set, plain]
}

function buildFrom(numbers: ReadonlySet<number>): MysqlGtidSet {
  const set = new MysqlGtidSet()
  for (const n of [...numbers].sort((a, b) => a - b)) set.add(`${A}:${n}`)
  return set
}

function members(set: MysqlGtidSet): Set<number> {
  return new Set(Array.from({ length: 80 }, (_, n) => n).filter((n) => n > 0 && set.contains(`${A}:${n}`)))
}
