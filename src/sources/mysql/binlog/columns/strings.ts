import { decoderOfCollation } from '../charset/collations.ts'
import { type BytesReader, type ColumnCodec, variableColumn } from './codec.ts'

/** Collation id of binary strings: bytes, not text. */
export const BINARY_COLLATION = 63

/** Length bytes of CHAR, VARCHAR and VARBINARY of at most so many bytes. */
export function lengthBytesFor(maxBytes: number): 1 | 2 {
  return maxBytes > 255 ? 2 : 1
}

/** Text in the column's character set, or base64 for a binary column. */
export function textOrBytes(collation: number): BytesReader {
  return collation === BINARY_COLLATION ? base64 : decoderOfCollation(collation)
}

/** VARCHAR, VARBINARY; CHAR, whose trailing spaces the server has cut off. */
export function stringColumn(maxBytes: number, collation: number): ColumnCodec {
  return variableColumn(lengthBytesFor(maxBytes), textOrBytes(collation))
}

/** BINARY(n): the server cuts trailing zero bytes off row images; the value has them. */
export function binaryColumn(bytes: number): ColumnCodec {
  return paddedColumn(bytes, (value) => value.toString('base64', 0, value.length))
}

/** A value of fixed size that row images hold without its trailing zero bytes. */
export function paddedColumn(size: number, print: (value: Buffer) => string): ColumnCodec {
  return variableColumn(lengthBytesFor(size), (bytes, start, end) => {
    if (end - start >= size) return print(bytes.subarray(start, end))
    const value = Buffer.alloc(size)
    bytes.copy(value, 0, start, end)
    return print(value)
  })
}

/** TEXT and BLOB; `lengthBytes` tells TINY from LONG. */
export function blobColumn(lengthBytes: number, collation: number): ColumnCodec {
  return variableColumn(lengthBytes, textOrBytes(collation))
}

function base64(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('base64', start, end)
}
