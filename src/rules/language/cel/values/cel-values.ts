import type { Value } from '../../../../model/event/row.ts'
import type { ValueKind } from '../../../../model/table/table.ts'
import { celUint } from '../cel-engine.ts'

const MAX_INT64 = 2n ** 63n - 1n

/**
 * A decoded column value as the CEL engine knows it: integers are bigints (CEL int; uint above 2^63 - 1), numbers are
 * doubles, maps are `Map`s, so that data can carry keys such as `constructor`.
 */
export function toCelValue(value: Value, kind: ValueKind): unknown {
  if (value === null || value === undefined) return value
  switch (kind) {
    case 'int':
    case 'uint64':
      return typeof value === 'number' || typeof value === 'bigint' ? celInteger(value) : value
    case 'float':
    case 'string':
    case 'set':
    case 'vector':
      return value
    case 'json':
    case 'geometry':
      return celJson(value)
  }
}

export function celInteger(value: number | bigint): unknown {
  const integer = BigInt(value)
  return integer > MAX_INT64 ? celUint(integer) : integer
}

/** A JSON number is an int when it is a safe integer, else a double. */
function celJson(value: Value): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof value === 'bigint') return celInteger(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(celJson)
  return new Map(Object.entries(value).map(([key, entry]) => [key, celJson(entry as Value)]))
}
