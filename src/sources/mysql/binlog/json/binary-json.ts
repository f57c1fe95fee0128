import type { Value } from '../../../../model/event/row.ts'
import { readDouble } from '../columns/floats.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { u16, u32, u64 } from '../format/little-endian.ts'
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
 * temporal and binary values as CAST(… AS CHAR) prints them. No bytes at all are a JSON null (json_binary.cc,
 * parse_binary), which a NOT NULL column gets when an INSERT IGNORE leaves it out.
 */
export function readBinaryJson(bytes: Buffer, start: number, end: number): Value {
  if (start >= end) return null
  return readValue(new Document(bytes, end - start), bytes[start]!, start + 1, end, 0)
}

/**
 * The document's bytes, and how many are left to be read. The server writes every value once; offsets that lead to one
 * value many times could make a short document last for ever, or fill the memory.
 */
class Document {
  readonly bytes: Buffer
  #left: number

  constructor(bytes: Buffer, size: number) {
    this.bytes = bytes
    this.#left = size
  }

  /** `count` more bytes are read, which end before `end`. */
  spend(count: number, upTo: number, end: number): void {
    need(upTo, end)
    this.#left -= count
    if (this.#left < 0) throw corrupt('JSON values that share their bytes')
  }
}

function readValue(document: Document, type: number, at: number, end: number, depth: number): Value {
  switch (type) {
    case Type.SMALL_OBJECT:
      return readObject(document, at, end, 2, depth)
    case Type.LARGE_OBJECT:
      return readObject(document, at, end, 4, depth)
    case Type.SMALL_ARRAY:
      return readArray(document, at, end, 2, depth)
    case Type.LARGE_ARRAY:
      return readArray(document, at, end, 4, depth)
    case Type.STRING:
      return readString(document, at, end)
    case Type.OPAQUE: {
      const { value, next } = readOpaque(document.bytes, at, end)
      document.spend(next - at, next, end)
      return value
    }
    default:
      return readScalar(document.bytes, type, at, end)
  }
}

function readString(document: Document, at: number, end: number): string {
  const { value: length, next } = readVarint(document.bytes, at, end)
  document.spend(length, next + length, end)
  return document.bytes.toString('utf8', next, next + length)
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
function readHeader(
  document: Document,
  at: number,
  end: number,
  word: 2 | 4,
  entryBytes: number,
  depth: number,
): { count: number; end: number } {
  const { bytes } = document
  if (depth > MAX_DEPTH) throw corrupt('JSON nested too deeply')
  need(at + 2 * word, end)
  const count = readWord(bytes, at, word)
  const size = readWord(bytes, at + word, word)
  need(at + size, end)
  if (2 * word + count * entryBytes > size) throw corrupt(`JSON container of ${count} elements in ${size} bytes`)
  document.spend(count * entryBytes, at + size, end)
  return { count, end: at + size }
}

function readArray(document: Document, at: number, outerEnd: number, word: 2 | 4, depth: number): Value[] {
  const { count, end } = readHeader(document, at, outerEnd, word, 1 + word, depth)
  const values: Value[] = []
  for (let i = 0, entry = at + 2 * word; i < count; i++, entry += 1 + word) {
    values.push(readEntry(document, at, entry, end, word, depth))
  }
  return values
}

function readObject(document: Document, at: number, outerEnd: number, word: 2 | 4, depth: number): JsonObject {
  const { bytes } = document
  const keyEntryBytes = word + 2
  const { count, end } = readHeader(document, at, outerEnd, word, keyEntryBytes + 1 + word, depth)
  const object = Object.create(null) as JsonObject
  const keys = at + 2 * word
  const values = keys + count * keyEntryBytes
  for (let i = 0; i < count; i++) {
    const keyEntry = keys + i * keyEntryBytes
    const key = at + readWord(bytes, keyEntry, word)
    const keyEnd = key + u16(bytes, keyEntry + word)
    document.spend(keyEnd - key, keyEnd, end)
    object[bytes.toString('utf8', key, keyEnd)] = readEntry(document, at, values + i * (1 + word), end, word, depth)
  }
  return object
}

/** A value entry: the type, then the value itself where it fits the word, else its offset. */
function readEntry(
  document: Document,
  container: number,
  entry: number,
  end: number,
  word: 2 | 4,
  depth: number,
): Value {
  const { bytes } = document
  const type = bytes[entry]!
  if (isInlined(type, word)) return readScalar(bytes, type, entry + 1, end)
  const offset = readWord(bytes, entry + 1, word)
  // Values lie behind the entries that name them; anything else could send the reader round in circles.
  if (container + offset <= entry) throw corrupt('JSON offset points backwards')
  return readValue(document, type, container + offset, end, depth + 1)
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
