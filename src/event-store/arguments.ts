import { uuid7 } from '../model/event/posted/uuid7.ts'
import { nameProblem } from '../model/stored-name.ts'
import type { DomainEvent, ExpectedVersion, GlobalPosition, NewEvent } from './contract.ts'
import { invalidArgument } from './errors.ts'
import type { EventRow } from './storage.ts'

/** Of one append. */
const MOST_EVENTS = 100_000

/** Names of streams, events and types: some databases would take two for the same, or not store them. */
export function checkName(what: string, name: unknown): asserts name is string {
  const problem = nameProblem(name)
  if (problem !== null) throw invalidArgument(`${what} ${problem}: ${JSON.stringify(name)?.slice(0, 80)}`)
}

export function checkExpected(expected: unknown): asserts expected is ExpectedVersion {
  const known = ['no-stream', 'stream-exists', 'any'].includes(expected as string)
  if (known || (Number.isSafeInteger(expected) && (expected as number) >= 0)) return
  throw invalidArgument(
    `expectedVersion ${JSON.stringify(expected)} is not valid`,
    'Write a version (0: the stream does not exist), "no-stream", "stream-exists" or "any".',
  )
}

/** A whole number of at least `least`, or the default where there is none. */
export function wholeNumber(what: string, value: number | undefined, otherwise: number, least = 0): number {
  if (value === undefined) return otherwise
  if (value === Infinity || (Number.isSafeInteger(value) && value >= least)) return value
  throw invalidArgument(`${what} must be a whole number of at least ${least}, not ${String(value)}`)
}

export function positionOf(value: GlobalPosition | undefined): bigint {
  if (value === undefined) return 0n
  if (typeof value === 'bigint' && value >= 0n) return value
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value)
  if (typeof value === 'string' && /^\d{1,19}$/.test(value)) return BigInt(value)
  throw invalidArgument(
    `${JSON.stringify(String(value))} is not a global position`,
    'Use 0, or the `globalPosition` of an event, as bigint or as decimal text.',
  )
}

export function timeText(what: string, value: string | Date): string {
  const at = new Date(value)
  if (Number.isNaN(at.getTime())) {
    throw invalidArgument(`${what} is not a time: ${JSON.stringify(value)}`, 'Write for example 2026-11-28T10:00:00Z.')
  }
  return at.toISOString()
}

export function jsonText(what: string, value: unknown): string {
  try {
    const text = exactText(value ?? null)
    if (text !== undefined) return text
  } catch (error) {
    throw invalidArgument(`${what} cannot be written as JSON: ${(error as Error).message}`)
  }
  throw invalidArgument(`${what} cannot be written as JSON: it is a ${typeof value}`)
}

/** A function that looks at each value costs several times what the text does, and few payloads hold what needs it. */
function exactText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(value, exact) as string | undefined
  }
}

/** Not among the types of the standard library yet. */
const RAW = JSON as unknown as { rawJSON(text: string): unknown }

/** JSON has integers of any size. */
function exact(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? RAW.rawJSON(value.toString()) : value
}

const LONG_NUMBER = /\d{16}/

/** What `jsonText` wrote. `exactNumbers`: whole numbers that a JS number cannot hold are bigints. */
export function parsePayload(text: string, exactNumbers: boolean): unknown {
  return JSON.parse(
    text,
    exactNumbers && LONG_NUMBER.test(text) ? (exactNumber as (key: string) => unknown) : undefined,
  )
}

function exactNumber(_key: string, value: unknown, { source = '' }: { readonly source?: string }): unknown {
  const isRounded = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
  return isRounded ? BigInt(source) : value
}

/** Checks what a caller appends. Two events of one append need two ids. */
export function eventRows(events: readonly NewEvent[], now: number): readonly EventRow[] {
  if (!Array.isArray(events) || events.length === 0)
    throw invalidArgument('An append needs a list of at least one event')
  if (events.length > MOST_EVENTS) throw invalidArgument(`An append has at most ${MOST_EVENTS} events`)
  const rows = events.map((event) => eventRow(event, now))
  const ids = new Set<string>()
  for (const { id } of rows) {
    if (ids.has(id)) throw invalidArgument(`Two events of the append have the id ${JSON.stringify(id)}`)
    ids.add(id)
  }
  return rows
}

function eventRow(event: NewEvent<DomainEvent>, now: number): EventRow {
  const { id, type, source, timestamp, correlationId, causationId, userId, payload } = event
  checkName('The type of an event', type)
  if (id !== undefined) checkName('The id of an event', id)
  const optional = (what: string, name: string | null | undefined): string | null => {
    if (name === null || name === undefined) return null
    checkName(`${what} of an event`, name)
    return name
  }
  return {
    id: id ?? uuid7(now),
    type,
    source: optional('source', source),
    timestamp: timestamp === undefined ? new Date(now).toISOString() : timeText('The timestamp of an event', timestamp),
    correlationId: optional('correlationId', correlationId),
    causationId: optional('causationId', causationId),
    userId: optional('userId', userId),
    payload: jsonText(`The payload of event "${type}"`, payload),
  }
}
