import { inflateRawSync, inflateSync } from 'node:zlib'
import { corrupt } from '../format/corrupt-event.ts'
import { type ColumnCodec, variableColumn } from './codec.ts'
import { textOrBytes } from './strings.ts'
import { LONGEST_VALUE_BYTES, valueTooLarge } from './value-size.ts'

const METHOD_STORED = 0
const METHOD_ZLIB = 8

/**
 * VARCHAR and BLOB with the COMPRESSED attribute. Format: MariaDB sql/field_comp.cc. The first byte's upper half names
 * the method; for zlib its lower half tells the size of the big-endian length that follows (bits 0 to 2) and whether
 * the stream lacks the zlib wrapper (bit 3). An empty value has no header.
 */
export function compressedColumn(lengthBytes: number, collation: number): ColumnCodec {
  const read = textOrBytes(collation)
  return variableColumn(lengthBytes, (bytes, start, end) => {
    if (start === end) return read(bytes, start, end)
    if (bytes[start]! >> 4 === METHOD_STORED) return read(bytes, start + 1, end)
    const value = inflateValue(bytes, start, end, 256 ** lengthBytes)
    return read(value, 0, value.length)
  })
}

function inflateValue(bytes: Buffer, start: number, end: number, columnLimit: number): Buffer {
  const header = bytes[start]!
  if (header >> 4 !== METHOD_ZLIB) throw corrupt(`compression method ${header >> 4} of a column`)
  const lengthSize = header & 7
  const data = start + 1 + lengthSize
  if (lengthSize < 1 || lengthSize > 4 || data > end) throw corrupt('header of a compressed column')
  const length = bytes.readUIntBE(start + 1, lengthSize)
  if (length >= columnLimit) throw corrupt(`compressed column of ${length} bytes`)
  if (length > LONGEST_VALUE_BYTES) throw valueTooLarge('a compressed column', length)
  const value = inflate(bytes.subarray(data, end), (header & 8) !== 0, length)
  if (value.length !== length) throw corrupt(`compressed column of ${value.length} instead of ${length} bytes`)
  return value
}

function inflate(data: Buffer, raw: boolean, length: number): Buffer {
  // The announced length bounds what is allocated, whatever the stream would grow to.
  const options = { maxOutputLength: Math.max(length, 1) }
  try {
    return raw ? inflateRawSync(data, options) : inflateSync(data, options)
  } catch (error) {
    throw corrupt(`compressed column: ${error instanceof Error ? error.message : String(error)}`)
  }
}
