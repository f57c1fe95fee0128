import type { EventEnvelope, EventFields } from '../model/event/posted/event-record.ts'
import type { Value } from '../model/event/row.ts'

/** A value that changes its form when it is written and read again, or that cannot be written: `checkJson` says which. */
const ODD = Symbol('odd')

/**
 * The event as `decodeEnvelope` would read it of what `encodeEnvelope` writes of it, with maps that nobody else has: programs may
 * change what they have published. Undefined: it has to be written to know.
 */
export function plainCopy(event: EventEnvelope, maxDepth: number): EventEnvelope | undefined {
  const payload = copyOf(event.payload, maxDepth)
  const context = copyOf(event.context, maxDepth)
  const metadata = copyOf(event.metadata, maxDepth)
  if (payload === ODD || context === ODD || metadata === ODD) return undefined
  return { ...event, payload: payload as Value, context: context as EventFields, metadata: metadata as EventFields }
}

function copyOf(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return isPlainNumber(value) ? value : ODD
    case 'object':
      if (value === null) return null
      if (depth === 0) return ODD
      return Array.isArray(value) ? copyOfList(value, depth) : copyOfMap(value, depth)
    default:
      return ODD
  }
}

/** Others are written in a form that is read as something else, or not at all. */
function isPlainNumber(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) && !Object.is(value, -0) : Number.isFinite(value)
}

function copyOfList(list: readonly unknown[], depth: number): unknown {
  if (Object.getPrototypeOf(list) !== Array.prototype || 'toJSON' in list) return ODD
  const copies: unknown[] = []
  // A hole is undefined here.
  for (const item of list) {
    const copy = copyOf(item, depth - 1)
    if (copy === ODD) return ODD
    copies.push(copy)
  }
  return copies
}

function copyOfMap(map: object, depth: number): unknown {
  const prototype = Object.getPrototypeOf(map) as unknown
  if ((prototype !== Object.prototype && prototype !== null) || 'toJSON' in map) return ODD
  // Taken away from what is an object already: one that begins without a prototype is kept as a hash table.
  const copies = Object.setPrototypeOf({}, null) as { [key: string]: unknown }
  for (const key of Object.keys(map)) {
    const item = (map as { readonly [key: string]: unknown })[key]
    // What is undefined is not written.
    if (item === undefined) continue
    const copy = copyOf(item, depth - 1)
    if (copy === ODD || key === '__proto__') return ODD
    copies[key] = copy
  }
  return copies
}
