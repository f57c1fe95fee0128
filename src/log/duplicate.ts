import { exactJson } from '../model/json/strict-json.ts'
import type { EventEnvelope } from '../model/event/posted/event-record.ts'
import type { Value } from '../model/event/row.ts'
import type { NewEvent } from '../model/state/event-provider.ts'

/** A waiting event that is due sooner is as good as on its way. */
const CHANGEABLE_MS = 5_000

/** Its name, and what BinGo or the time of sending makes: the same event, sent again, may differ in them. */
const NOT_CONTENT: ReadonlySet<string> = new Set([
  'id',
  'environment',
  'instanceId',
  'deliverAt',
  'traceparent',
  'hops',
] satisfies (keyof EventEnvelope)[])
const FIXED: ReadonlySet<string> = new Set(['id', 'environment', 'instanceId'] satisfies (keyof EventEnvelope)[])

/** What is done about an id that is stored already. */
export type Verdict =
  | { readonly tag: 'updated'; readonly event: EventEnvelope }
  | { readonly tag: 'duplicate' }
  | { readonly tag: 'conflict' }

/** `waiting`: what is stored has not left for its rules, and was not cancelled. */
export function judge(stored: EventEnvelope, waiting: boolean, { event, sent }: NewEvent, now: number): Verdict {
  const changeable = waiting && stored.deliverAt !== null && stored.deliverAt >= now + CHANGEABLE_MS
  const ignored = changeable ? FIXED : NOT_CONTENT
  const changed: { [field: string]: unknown } = {}
  for (const field of sent) {
    if (!ignored.has(field) && !isSame(stored[field], event[field])) changed[field] = event[field]
  }
  if (Object.keys(changed).length === 0) return { tag: 'duplicate' }
  return changeable ? { tag: 'updated', event: { ...stored, ...changed } } : { tag: 'conflict' }
}

function isSame(one: EventEnvelope[keyof EventEnvelope], other: EventEnvelope[keyof EventEnvelope]): boolean {
  return one === other || exactJson(sorted(one)) === exactJson(sorted(other))
}

/** JSON objects have no order. */
function sorted(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return (value as readonly Value[]).map(sorted)
  const map = Object.create(null) as { [key: string]: Value }
  for (const key of Object.keys(value).sort()) map[key] = sorted((value as { readonly [key: string]: Value })[key])
  return map
}
