import { stringifyValue } from '../../model/event/forms/event-json.ts'
import type { Value } from '../../model/event/row.ts'
import { isMap } from '../../model/json/shape.ts'

/** Fields whose content is data: there a number is not its text. */
const DATA: ReadonlySet<string> = new Set(['body', 'value', 'message', 'params'])

/**
 * What of `expected` is not in `actual`, a line each, by path. Maps may hold more than is expected, lists may not. Header
 * names match in any letter case, and outside of bodies a number matches its text.
 */
export function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (isMap(expected)) {
    if (!isMap(actual)) return [line(path, expected, actual)]
    return Object.entries(expected).flatMap(([key, value]) => {
      const inner = path === '' ? key : `${path}.${key}`
      const found = Object.keys(actual).find((each) => each === key || sameHeader(path, each, key))
      return found === undefined ? [line(inner, value, undefined)] : differences(value, actual[found], inner)
    })
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return [line(path, expected, actual)]
    return expected.flatMap((item, index) => differences(item, actual[index], `${path}[${index}]`))
  }
  return same(expected, actual, path) ? [] : [line(path, expected, actual)]
}

function same(expected: unknown, actual: unknown, path: string): boolean {
  if (expected === actual) return true
  if (DATA.has(path.split(/[.[]/)[0]!)) return false
  return typeof expected === 'number' && typeof actual === 'string' && String(expected) === actual
}

function sameHeader(path: string, one: string, other: string): boolean {
  return (path === 'headers' || path === 'metadata') && one.toLowerCase() === other.toLowerCase()
}

function line(path: string, expected: unknown, actual: unknown): string {
  const got = actual === undefined ? 'nothing' : shown(actual)
  return `${path === '' ? '' : `${path}: `}expected ${shown(expected)}, got ${got}`
}

function shown(value: unknown): string {
  return stringifyValue(value as Value)
}
