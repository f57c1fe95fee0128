import { JsonProblem, parseJson } from '../../../model/json/strict-json.ts'
import type { Value } from '../../../model/event/row.ts'
import { invalidRecord } from './invalid.ts'

/** Deeper than anybody writes by hand, and far from where the stack ends. */
const MAX_DEPTH = 500
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

export type JsonMap = { readonly [name: string]: Value }

/** Throws EvaluationError. `what`: the value, the key. */
export function jsonOf(bytes: Uint8Array, what: string): Value {
  const text = textOf(bytes, what)
  try {
    return parseJson(text, MAX_DEPTH)
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error
    const at = error.path === '$' ? '' : ` at ${error.path}`
    throw invalidRecord(`the ${what} is not JSON: ${error.message}${at} (character ${error.offset})`)
  }
}

export function textOf(bytes: Uint8Array, what: string): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw invalidRecord(`the ${what} is not UTF-8`)
  }
}

export function isMap(value: Value): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Undefined where it is missing or something else. */
export function stringAt(map: JsonMap, name: string): string | undefined {
  const value = map[name]
  return typeof value === 'string' ? value : undefined
}

/** The number under a name; a bigint that is too large for one is not one. */
export function numberAt(map: JsonMap, name: string): number | undefined {
  const value = map[name]
  return typeof value === 'number' ? value : undefined
}

export function listOfMaps(value: Value): readonly JsonMap[] {
  return Array.isArray(value) ? (value as readonly Value[]).filter(isMap) : []
}
