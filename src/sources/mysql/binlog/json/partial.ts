import type { Value } from '../../../../model/event/row.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { u16, u32, u64AsDouble } from '../format/little-endian.ts'
import { type JsonObject, readBinaryJson } from './binary-json.ts'
import { type JsonPath, parseJsonPath } from './path.ts'

/** Bit in the value options: some JSON columns of the image are diffs. */
const PARTIAL_JSON_UPDATES = 1
const NO_BITS = new Uint8Array(0)

/** Operations of a diff. Source: MySQL sql-common/json_diff.h (enum_json_diff_operation). */
const REPLACE = 0
const INSERT = 1
const REMOVE = 2

/** The bits that tell which JSON columns are diffs; empty when the image has none. `at` points to the value options. */
export function readPartialBits(bytes: Buffer, at: number, end: number, length: number): Uint8Array {
  const options = bytes[at]!
  if (at >= end || options > PARTIAL_JSON_UPDATES) throw corrupt(`value options ${options} of a row image`)
  if (options === 0) return NO_BITS
  if (at + 1 + length > end) throw corrupt('JSON bits of a row image past its end')
  return bytes.subarray(at + 1, at + 1 + length)
}

/**
 * The document in bytes [oldStart, oldEnd) after the diffs in [start, end). Each diff is an operation, a path and,
 * unless it removes, a document; sizes are length-encoded integers (MySQL sql-common/json_diff.cc, read_binary).
 */
export function mergeJsonDiffs(bytes: Buffer, oldStart: number, oldEnd: number, start: number, end: number): Value {
  if (oldStart < 0) throw corrupt('JSON diffs of a document that is NULL')
  let document = readBinaryJson(bytes, oldStart, oldEnd)
  for (let at = start; at < end;) {
    const operation = bytes[at]!
    if (operation > REMOVE) throw corrupt(`JSON diff operation ${operation}`)
    const path = readSized(bytes, at + 1, end)
    at = path.end
    let value: Value = null
    if (operation !== REMOVE) {
      const document = readSized(bytes, at, end)
      value = readBinaryJson(bytes, document.start, document.end)
      at = document.end
    }
    document = applyDiff(document, operation, parseJsonPath(bytes.toString('utf8', path.start, path.end)), value)
  }
  return document
}

function readSized(bytes: Buffer, at: number, end: number): { start: number; end: number } {
  const first = at < end ? bytes[at]! : 255
  const size = first < 251 ? 0 : first === 252 ? 2 : first === 253 ? 3 : first === 254 ? 8 : -1
  const start = at + 1 + size
  if (size < 0 || start > end) throw corrupt('length in a JSON diff')
  const length = size === 0 ? first : readLength(bytes, at + 1, size)
  if (start + length > end) throw corrupt('JSON diff past its end')
  return { start, end: start + length }
}

function readLength(bytes: Buffer, at: number, size: number): number {
  if (size === 8) return u64AsDouble(bytes, at)
  return size === 2 ? u16(bytes, at) : u32(bytes, at) & 0xff_ffff
}

/** Changes the document in place, which nobody else holds. */
function applyDiff(document: Value, operation: number, path: JsonPath, value: Value): Value {
  const last = path.at(-1)
  if (last === undefined) {
    if (operation !== REPLACE) throw corrupt('JSON diff of the whole document')
    return value
  }
  let parent = document
  for (const leg of path.slice(0, -1)) parent = childOf(parent, leg)
  if (Array.isArray(parent) && typeof last === 'number') changeArray(parent, operation, last, value)
  else if (isObject(parent) && typeof last === 'string') changeObject(parent, operation, last, value)
  else throw unmatched()
  return document
}

function childOf(parent: Value, leg: string | number): Value {
  if (Array.isArray(parent) && typeof leg === 'number') return parent[leg] as Value
  if (isObject(parent) && typeof leg === 'string') return parent[leg]
  throw unmatched()
}

function isObject(value: Value): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function changeArray(parent: Value[], operation: number, index: number, value: Value): void {
  // An index behind the end appends (JSON_SET of `$[5]` in a list of three).
  if (operation === INSERT) parent.splice(index, 0, value)
  else if (index >= parent.length) throw unmatched()
  else if (operation === REPLACE) parent[index] = value
  else parent.splice(index, 1)
}

function changeObject(parent: JsonObject, operation: number, key: string, value: Value): void {
  if (operation !== INSERT && !Object.hasOwn(parent, key)) throw unmatched()
  if (operation === REMOVE) delete parent[key]
  else parent[key] = value
}

function unmatched(): Error {
  return corrupt('JSON diff that does not fit the document before it')
}
