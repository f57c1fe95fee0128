import { describe, expect, it } from 'vitest'
import { parseJsonPath } from '../../../../../../src/sources/mysql/binlog/json/path.ts'

describe('A JSON path', () => {
  it.each([
    ['$', []],
    ['$.a', ['a']],
    ['$[3]', [3]],
    ['$.list[0].name', ['list', 0, 'name']],
    ['$."a key"."b\\"c"', ['a key', 'b"c']],
    ['$."__proto__".ü', ['__proto__', 'ü']],
    ['$."x.y[1]"', ['x.y[1]']],
  ])('%s is a list of keys and indexes', (text, legs) => {
    expect(parseJsonPath(text)).toEqual(legs)
  })

  it.each(['', 'a', '$a', '$[x]', '$[1', '$."a', '$.', '$[*]', '$**.a'])('%j is refused', (text) => {
    expect(() => parseJsonPath(text)).toThrow(/JSON path/)
  })
})
