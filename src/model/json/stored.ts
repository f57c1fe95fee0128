import { type Check, faultOf } from './shape.ts'

/**
 * What a store has kept as JSON, where people and other programs can have written since. `corrupt` makes the error of what
 * is wrong with it: `it is not JSON`, or `steps.pay.attempts is not a number`.
 */
export function readStored<T>(
  text: string,
  check: Check,
  corrupt: (fault: string, cause?: unknown) => Error,
  parse: (text: string) => unknown = JSON.parse,
): T {
  let value: unknown
  try {
    value = parse(text)
  } catch (cause) {
    throw corrupt('it is not JSON', cause)
  }
  const fault = faultOf(check, value)
  if (fault !== null) throw corrupt(fault)
  return value as T
}
