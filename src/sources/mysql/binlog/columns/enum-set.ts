import { corrupt } from '../format/corrupt-event.ts'
import { type ColumnCodec, fixedColumn } from './codec.ts'

/** ENUM: an index that counts from 1, in one or two bytes. Index 0 is the empty string of an invalid value. */
export function enumColumn(width: number, values: readonly string[]): ColumnCodec {
  const texts = ['', ...values]
  return fixedColumn(width, (bytes, start) => {
    const index = width === 1 ? bytes[start]! : bytes[start]! | (bytes[start + 1]! << 8)
    const text = texts[index]
    if (text === undefined) throw corrupt(`ENUM index ${index} of ${values.length} values`)
    return text
  })
}

/** SET: one bit per member, little-endian, in 1, 2, 3, 4 or 8 bytes. */
export function setColumn(width: number, values: readonly string[]): ColumnCodec {
  return fixedColumn(width, (bytes, start) => {
    const members: string[] = []
    for (let i = 0; i < width; i++) {
      const bits = bytes[start + i]!
      for (let bit = 0; bit < 8; bit++) {
        if ((bits & (1 << bit)) === 0) continue
        const member = values[8 * i + bit]
        if (member === undefined) throw corrupt(`SET member ${8 * i + bit + 1} of ${values.length}`)
        members.push(member)
      }
    }
    return members
  })
}
