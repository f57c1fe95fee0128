import { jsonPath } from '../model/json/strict-json.ts'
import { InvalidPosting } from './errors.ts'

const LARGEST = 10n ** 999n

/** Values of programs, which no parser has seen: throws InvalidPosting for what could not be read again once it is stored. */
export function checkJson(value: unknown, maxDepth: number, path: readonly PropertyKey[]): void {
  const fail = (at: readonly PropertyKey[], message: string): never => {
    throw new InvalidPosting([{ path: jsonPath(at), message }])
  }
  const check = (item: unknown, at: readonly PropertyKey[], depth: number): void => {
    if (typeof item === 'bigint' && (item > LARGEST || item < -LARGEST)) fail(at, 'the number has too many digits')
    if (typeof item === 'number' && !Number.isFinite(item)) fail(at, 'the number is not finite')
    if (typeof item === 'function' || typeof item === 'symbol') fail(at, `a ${typeof item} is not JSON`)
    if (typeof item !== 'object' || item === null || item instanceof Date) return
    // A circle is deep as well.
    if (depth > maxDepth) fail(at, `it is nested deeper than ${maxDepth} levels`)
    if (Array.isArray(item)) return item.forEach((each, i) => check(each, [...at, i], depth + 1))
    for (const [key, each] of Object.entries(item)) {
      if (key === '__proto__') fail([...at, key], 'the key "__proto__" is not allowed')
      check(each, [...at, key], depth + 1)
    }
  }
  check(value, path, 0)
}
