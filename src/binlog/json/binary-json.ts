import type { Value } from '../../core/change.ts'
import { readDouble } from '../columns/floats.ts'
import { corrupt } from '../corrupt-event.ts'
import { u16, u32, u64 } from '../little-endian.ts'
import { readOpaque } from './opaque.ts'
import { readVarint } from './varint.ts'

/*
 * The JSON type's storage format. Source: MySQL sql-common/json_binary.h. Offsets count from the start of the
 * container that holds them, which is the byte after its type.
 */
const Type = {
  SMALL_OBJECT: 0,
  LARGE_OBJECT: 1,
  SMALL_ARRAY: 2,
  LARGE_ARRAY: 3,
  LITERAL: 4,
  INT16: 5,
  UINT16: 6,
  INT32: 7,
  UINT32: 8,
  INT64: 9,
  UINT64: 10,
  DOUBLE: 11,
  STRING: 12,
  OPAQUE: 15,
} as const

/** The server refuses documents deeper than this (JSON_DOCUMENT_MAX_DEPTH). */
const MAX_DEPTH = 100

/** A JSON object: no prototype, so that a key may be called `__proto__`. */
export type JsonObject = { [key: string]: Value }

/**
 * A JSON document as a value. Integers beyond 2^53 are bigints, DECIMALs numbers where that is exact and else text,
 * temporal and binary values as CAST(… AS CHAR) prints them. An empty value is what the server stores for the JSON
 * null of a column that got its default the hard way (json_binary.cc: "empty ... treated as null").
 */
export function readBinaryJson(bytes: Buffer, start: number, end: number): Value {
  if (start >= end) return null
  return readValue(bytes, bytes[start]!, start + 1, end, 0)
}

function readValue(bytes: Buffer, type: number, at: number, end: number, depth: number): Value {
  switch (type) {
    case Type.SMALL_OBJECT:
      return readObject(bytes, at, end, 2, depth)
    case Type.LARGE_OBJECT:
      return readObject(bytes, at, end, 4, depth)
    case Type.SMALL_ARRAY:
      return readArray(bytes, at, end, 2, depth)
    case Type.LARGE_ARRAY:
      return readArray(bytes, at, end, 4, depth)
    case Type.STRING: {
      const { value: length, next } = readVarint(bytes, at, end)
      need(next + length, end)
      return bytes.toString('utf8', next, next + length)
    }
    case Type.OPAQUE:
      return readOpaque(bytes, at, end)
    default:
      return readScalar(bytes, type, at, end)
  }
}

function readScalar(bytes: Buffer, type: number, at: number, end: number): Value {
  switch (type) {
    case Type.LITERAL:
      need(at + 1, end)
      return readLiteral(bytes[at]!)
    case Type.INT16:
      need(at + 2, end)
      return (u16(bytes, at) << 16) >> 16
    case Type.UINT16:
      need(at + 2, end)
      return u16(bytes, at)
    case Type.INT32:
      need(at + 4, end)
      return u32(bytes, at) | 0
    case Type.UINT32:
      need(at + 4, end)
      return u32(bytes, at)
    case Type.INT64:
      need(at + 8, end)
      return signed64(bytes, at)
    case Type.UINT64:
      need(at + 8, end)
      return u64(bytes, at)
    case Type.DOUBLE:
      need(at + 8, end)
      return readDouble(bytes, at)
    default:
      throw corrupt(`JSON type ${type}`)
  }
}

function signed64(bytes: Buffer, at: number): number | bigint {
  const value = bytes.readBigInt64LE(at)
  const short = Number(value)
  return Number.isSafeInteger(short) ? short : value
}

function readLiteral(code: number): null | boolean {
  if (code > 2) throw corrupt(`JSON literal ${code}`)
  return code === 0 ? null : code === 1
}

/** Header of a container: number of elements and size in bytes, each in `word` bytes. */
function readHeader(bytes: Buffer, at: number, end: number, word: 2 | 4, entryBytes: number, depth: number) {
  if (depth > MAX_DEPTH) throw corrupt('JSON nested too deeply')
  need(at + 2 * word, end)
  const count = readWord(bytes, at, word)
  const size = readWord(bytes, at + word, word)
  need(at + size, end)
  if (2 * word + count * entryBytes > size) throw corrupt(`JSON container of ${count} elements in ${size} bytes`)
  return { count, end: at + size }
}

function readArray(bytes: Buffer, at: number, outerEnd: number, word: 2 | 4, depth: number): Value[] {
  const { count, end } = readHeader(bytes, at, outerEnd, word, 1 + word, depth)
  const values: Value[] = []
  for (let i = 0, entry = at + 2 * word; i < count; i++, entry += 1 + word) {
    values.push(readEntry(bytes, at, entry, end, word, depth))
  }
  return values
}

function readObject(bytes: Buffer, at: number, outerEnd: number, word: 2 | 4, depth: number): JsonObject {
  const keyEntryBytes = word + 2
  const { count, end } = readHeader(bytes, at, outerEnd, word, keyEntryBytes + 1 + word, depth)
  const object = Object.create(null) as JsonObject
  const keys = at + 2 * word
  const values = keys + count * keyEntryBytes
  for (let i = 0; i < count; i++) {
    const keyEntry = keys + i * keyEntryBytes
    const key = at + readWord(bytes, keyEntry, word)
    const keyEnd = key + u16(bytes, keyEntry + word)
    need(keyEnd, end)
    object[bytes.toString('utf8', key, keyEnd)] = readEntry(bytes, at, values + i * (1 + word), end, word, depth)
  }
  return object
}

/** A value entry: the type, then the value itself where it fits the word, else its offset. */
function readEntry(bytes: Buffer, container: number, entry: number, end: number, word: 2 | 4, depth: number): Value {
  const type = bytes[entry]!
  if (isInlined(type, word)) return readScalar(bytes, type, entry + 1, end)
  const offset = readWord(bytes, entry + 1, word)
  // Values lie behind the entries that name them; anything else could send the reader round in circles.
  if (container + offset <= entry) throw corrupt('JSON offset points backwards')
  return readValue(bytes, type, container + offset, end, depth + 1)
}

function isInlined(type: number, word: 2 | 4): boolean {
  if (type === Type.LITERAL || type === Type.INT16 || type === Type.UINT16) return true
  return word === 4 && (type === Type.INT32 || type === Type.UINT32)
}

function readWord(bytes: Buffer, at: number, word: 2 | 4): number {
  return word === 2 ? u16(bytes, at) : u32(bytes, at)
}

function need(upTo: number, end: number): void {
  if (upTo > end) throw corrupt('JSON value past its end')
}
