import { describe, expect, it } from 'vitest'
import { parseColumnValues } from '../../../../../src/sources/mysql/schema/column-values.ts'

describe('parseColumnValues', () => {
  it.each([
    [`enum('a','b')`, ['a', 'b']],
    [`set('a')`, ['a']],
    [`enum('it''s','c,d','(e)','')`, [`it's`, 'c,d', '(e)', '']],
    [String.raw`enum('back\\slash','new\nline','q''\\''q')`, ['back\\slash', 'new\nline', `q'\\'q`]],
    [`ENUM('ü','日本')`, ['ü', '日本']],
  ])('reads %s', (text, values) => {
    expect(parseColumnValues(text)).toEqual(values)
  })

  it.each(['varchar(20)', 'enum', "enum('a'", 'enum(a)'])('answers undefined for %s', (text) => {
    expect(parseColumnValues(text)).toBeUndefined()
  })
})
