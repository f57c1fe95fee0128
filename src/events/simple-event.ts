import { ID, LATEST_MS, TYPE, WORD, type EventInput } from './post-schema.ts'

/**
 * What `eventSchema` makes of an event that nothing is wrong with, several times as fast. Undefined: the schema has to be asked,
 * which alone says what is wrong, and reads times that are texts. `isParsed`: as in PostingOptions. It is the same object.
 */
export function simpleEvent(input: unknown, isParsed: boolean): EventInput | undefined {
  if (typeof input !== 'object' || input === null || !isLiteral(input)) return undefined
  for (const name in input) {
    const value = (input as { readonly [name: string]: unknown })[name]
    if (value !== undefined && !isTaken(name, value, isParsed)) return undefined
  }
  const { type, name } = input as EventInput
  const isNamed = type === undefined ? name !== undefined : name === undefined || name === type
  return isNamed ? (input as EventInput) : undefined
}

/** Classes may have more than their enumerable properties. */
function isLiteral(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as unknown
  return prototype === null || prototype === Object.prototype
}

function isTaken(name: string, value: unknown, isParsed: boolean): boolean {
  switch (name as keyof EventInput) {
    case 'type':
    case 'name':
      return isText(value, 256, TYPE)
    case 'id':
      return isText(value, 255, ID)
    case 'source':
      return isText(value, 255, WORD)
    case 'key':
      return value === null || isText(value, 512, WORD)
    case 'userId':
    case 'sessionId':
    case 'accountId':
    case 'correlationId':
    case 'causationId':
    case 'traceparent':
      return value === null || isText(value, 255, WORD)
    case 'payload':
      return isParsed || !(value instanceof Date)
    case 'context':
    case 'metadata':
      // Maps of programs may have keys that are left out.
      return isParsed && typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'timestamp':
      return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LATEST_MS
    case 'isTest':
      return typeof value === 'boolean'
    case 'payloadType':
      return value === 'JSON' || value === 'REQUEST'
    default:
      return false
  }
}

function isText(value: unknown, most: number, pattern: RegExp): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= most && pattern.test(value)
}
