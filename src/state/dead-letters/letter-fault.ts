/** Says what is wrong with a value: ` is not a text`, or `.at is not a number` of something inside. Null: nothing. */
type Check = (value: unknown) => string | null

const text = kindOf('string', 'a text')
const number = kindOf('number', 'a number')
const map = mapOf({})

/** What the store and those who read letters rely on; the events of rows and posted ones are checked when they are made. */
const LETTER = mapOf({
  id: text,
  event: mapOf({
    id: text,
    op: text,
    schema: text,
    table: text,
    key: orNull(map),
    old: orNull(map),
    new: orNull(map),
  }),
  ruleId: text,
  ruleVersion: text,
  actionIndex: number,
  action: optional(mapOf({ identity: text, parts: map, ofRule: listOf(text) })),
  actionType: text,
  target: text,
  rowKey: text,
  state: oneOf('skip', 'park', 'parked'),
  attempts: listOf(mapOf({ at: time, code: text, message: text })),
  createdAt: time,
  stage: optional(oneOf('filter', 'when', 'payload')),
  columns: optional(
    listOf(pairOf(text, oneOf('int', 'uint64', 'float', 'string', 'json', 'set', 'geometry', 'vector'))),
  ),
  bigints: optional(listOf(listOf(text))),
})

/** What keeps a value from being a dead letter, as in `attempts[0].code is not a text`. Null: nothing does. */
export function faultOfLetter(value: unknown): string | null {
  const fault = LETTER(value)
  return fault === null ? null : fault.startsWith('.') ? fault.slice(1) : `it${fault}`
}

function kindOf(kind: 'string' | 'number', name: string): Check {
  return (value) => (typeof value === kind ? null : ` is not ${name}`)
}

/** Milliseconds since 1970 that a Date can hold. */
function time(value: unknown): string | null {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15 ? null : ' is not a time in milliseconds'
}

function oneOf(...texts: readonly string[]): Check {
  return (value) => (texts.includes(value as string) ? null : ` is not one of ${texts.join(', ')}`)
}

function optional(check: Check): Check {
  return (value) => (value === undefined ? null : check(value))
}

function orNull(check: Check): Check {
  return (value) => (value === null ? null : check(value))
}

function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return ' is not a list'
    for (const [i, each] of value.entries()) {
      const fault = check(each)
      if (fault !== null) return `[${i}]${fault}`
    }
    return null
  }
}

function pairOf(first: Check, second: Check): Check {
  return (value) => {
    if (!Array.isArray(value) || value.length !== 2) return ' is not a pair'
    const fault = first(value[0])
    if (fault !== null) return `[0]${fault}`
    const other = second(value[1])
    return other === null ? null : `[1]${other}`
  }
}

/** Other fields may be anything. */
function mapOf(fields: { readonly [name: string]: Check }): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return ' is not a map'
    for (const [name, check] of Object.entries(fields)) {
      const fault = check((value as { readonly [name: string]: unknown })[name])
      if (fault !== null) return `.${name}${fault}`
    }
    return null
  }
}
