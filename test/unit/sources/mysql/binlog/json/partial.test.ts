import { describe, expect, it } from 'vitest'
import { mergeJsonDiffs, readPartialBits } from '../../../../../../src/sources/mysql/binlog/json/partial.ts'
import { decodeRows } from '../../../../../support/binlog-rows.ts'
import { column, present, shapeOf, tableOf } from '../row-images.ts'

const corrupt = expect.objectContaining({ code: 'BINGO_BINLOG_CORRUPT' }) as Error
/** {"a": 1} */
const OBJECT = Buffer.from('0001000c000b00010005010061', 'hex')
/** 7 */
const SEVEN = Buffer.from('050700', 'hex')

function diff(operation: number, path: string, value?: Buffer): Buffer {
  const head = Buffer.from([operation, path.length, ...Buffer.from(path)])
  return value === undefined ? head : Buffer.concat([head, Buffer.of(value.length), value])
}

function merge(document: Buffer, ...diffs: Buffer[]): unknown {
  const bytes = Buffer.concat([document, ...diffs])
  return mergeJsonDiffs(bytes, 0, document.length, document.length, bytes.length)
}

describe('JSON diffs', () => {
  it('replace, insert and remove in order', () => {
    expect(merge(OBJECT, diff(0, '$.a', SEVEN))).toEqual({ a: 7 })
    expect(merge(OBJECT, diff(1, '$.b', SEVEN), diff(2, '$.a'))).toEqual({ b: 7 })
    const { a } = merge(OBJECT, diff(0, '$.a', OBJECT), diff(1, '$.a.__proto__', SEVEN)) as { a: object }
    expect(Object.entries(a)).toEqual([
      ['a', 1],
      ['__proto__', 7],
    ])
    expect(merge(OBJECT)).toEqual({ a: 1 })
  })

  it('that do not fit the document are refused', () => {
    expect(() => merge(OBJECT, diff(0, '$.x', SEVEN))).toThrow(corrupt)
    expect(() => merge(OBJECT, diff(2, '$[0]'))).toThrow(corrupt)
    expect(() => merge(OBJECT, diff(2, '$'))).toThrow(corrupt)
    expect(() => merge(OBJECT, diff(0, '$.x.y', SEVEN))).toThrow(corrupt)
    expect(() => merge(SEVEN, diff(1, '$.x', SEVEN))).toThrow(corrupt)
    expect(() => merge(OBJECT, diff(9, '$.a', SEVEN))).toThrow(corrupt)
    expect(() => merge(OBJECT, Buffer.of(0, 200, 36))).toThrow(corrupt)
    expect(() => mergeJsonDiffs(OBJECT, -1, -1, 0, 0)).toThrow(corrupt)
  })

  it('stand in images whose options say so', () => {
    expect(readPartialBits(Buffer.of(1, 5), 0, 2, 1)).toEqual(Buffer.of(5))
    expect(readPartialBits(Buffer.of(0, 5), 0, 2, 1)).toHaveLength(0)
    expect(() => readPartialBits(Buffer.of(2, 5), 0, 2, 1)).toThrow(corrupt)
    expect(() => readPartialBits(Buffer.of(1), 0, 1, 1)).toThrow(corrupt)
  })

  it('of a column count its bit even where other JSON columns are absent', () => {
    const table = tableOf(column('x', 245, 4), column('id', 1), column('doc', 245, 4))
    const change = diff(0, '$.a', SEVEN)
    const size = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(bytes.length, 0, 0, 0), bytes])
    const before = Buffer.concat([Buffer.of(0, 3), size(OBJECT)])
    const after = Buffer.concat([Buffer.of(1, 0b10), Buffer.of(0), size(change)])
    const shape = shapeOf('update', { presentOld: present(1, 2), presentNew: present(2), partialJson: true })
    const images = Buffer.concat([before, after])
    expect(decodeRows(table, shape, images)).toEqual([{ old: { id: 3, doc: { a: 1 } }, new: { id: 3, doc: { a: 7 } } }])
    const onlyNew = decodeRows(table, shape, images, { old: new Set([1]), new: new Set([2]) })
    expect(onlyNew).toEqual([{ old: { id: 3 }, new: { doc: { a: 7 } } }])
    const nothing = decodeRows(table, shape, images, { old: new Set(), new: new Set() })
    expect(nothing).toEqual([{ old: {}, new: {} }])
  })
})
