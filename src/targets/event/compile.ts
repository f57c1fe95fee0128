import type { ActionSpec } from '../../model/rule/action.ts'
import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import { toChangeEvent } from '../../model/event/forms/event-json.ts'
import type { EventEnvelope, EventFields } from '../../model/event/posted/event-record.ts'
import { MOST_HOPS } from '../../model/event/posted/event-sink.ts'
import { correlationOf, DEFAULT_ENVIRONMENT, envelopeOf, isPosted } from '../../model/event/posted/posted-event.ts'
import { EvaluationError } from '../../model/errors.ts'
import type { Structure, Template } from '../../model/rule/expression.ts'
import { READS_WHOLE_ROW, unionReads } from '../../model/table/column-reads.ts'
import type { Piece } from '../plan/piece.ts'
import type { EventPayload } from './options.ts'

/** Words joined by dots, so that patterns can name every type; at most 256 characters. */
export const TYPE = /^(?=.{1,256}$)[^\s.*"\p{Cc}\p{Cs}]+(\.[^\s.*"\p{Cc}\p{Cs}]+)*$/u
const MOST_KEY = 512
const TEXTS = ['userId', 'sessionId', 'accountId', 'correlationId'] as const

/** What a rule says of the event that it makes. */
interface MadeFields {
  readonly type: Template
  readonly key: Template | undefined
  readonly payload: Structure | undefined
  readonly context: Structure | undefined
  readonly metadata: Structure | undefined
  readonly texts: readonly (readonly [name: (typeof TEXTS)[number], template: Template])[]
}

/** What `event:` of an action renders. Everything it says is the same for an event that is rendered again. */
export function compileMade(
  spec: ActionSpec | undefined,
  deliverAt: Template | undefined,
  mostHops = MOST_HOPS,
): Piece<EventPayload> {
  const type = spec?.template('type')
  // What is missing was reported.
  if (spec === undefined || type === undefined) return NOTHING
  const fields: MadeFields = {
    type,
    key: spec.template('key'),
    payload: spec.structure('payload'),
    context: spec.structure('context'),
    metadata: spec.structure('metadata'),
    texts: TEXTS.flatMap((name) => {
      const template = spec.template(name)
      return template === undefined ? [] : [[name, template] as const]
    }),
  }
  const { key, payload, context, metadata, texts } = fields
  const pieces = [type, key, payload, context, metadata, deliverAt, ...texts.map(([, text]) => text)]
  return {
    reads: (table) =>
      payload === undefined && !isPosted(table)
        ? READS_WHOLE_ROW
        : unionReads(pieces.flatMap((piece) => piece?.reads(table) ?? [])),
    bind: (table) => {
      const render = bindFields(fields, table)
      const renderTime = deliverAt?.bind(table)
      return (change) => {
        const parent = envelopeOf(change)
        const hops = (parent?.hops ?? 0) + 1
        if (hops > mostHops) throw tooManyHops(change, mostHops)
        const { own, sent } = render(change)
        const event = { ...inherited(change, parent, hops), ...own }
        return { event, sent, deliverAt: timeOf(renderTime?.(change) ?? '') }
      }
    },
  }
}

const NOTHING: Piece<EventPayload> = {
  reads: () => READS_WHOLE_ROW,
  bind: () => () => {
    throw new Error('the action is not valid')
  },
}

type Own = Pick<EventEnvelope, 'type' | 'key' | 'payload'> & Partial<EventEnvelope>

function bindFields(
  { type, key, payload, context, metadata, texts }: MadeFields,
  table: Change['table'],
): (change: Change) => { readonly own: Own; readonly sent: EventPayload['sent'] } {
  const sent = new Set<keyof EventEnvelope>(['type', 'key', 'payload', ...texts.map(([name]) => name)])
  if (context !== undefined) sent.add('context')
  if (metadata !== undefined) sent.add('metadata')
  const renderType = type.bind(table)
  const renderKey = key?.bind(table)
  const renderPayload = payload?.bind(table) ?? payloadOf
  const maps = [context && mapOf('context', context, table), metadata && mapOf('metadata', metadata, table)]
  const bound = texts.map(([name, text]) => [name, text.bind(table)] as const)
  return (change) => {
    const own: Own = {
      type: checkedType(renderType(change)),
      key: checkedKey(renderKey?.(change) ?? ''),
      payload: renderPayload(change) as Value,
      ...Object.assign({}, ...maps.map((render) => render?.(change))),
      // An empty text is none.
      ...Object.fromEntries(bound.map(([name, render]) => [name, render(change) || null])),
    }
    return { own, sent }
  }
}

function mapOf(
  name: 'context' | 'metadata',
  structure: Structure,
  table: Change['table'],
): (change: Change) => Partial<EventEnvelope> {
  const render = structure.bind(table)
  return (change) => {
    const value = render(change) ?? {}
    if (typeof value === 'object' && !Array.isArray(value)) return { [name]: value as EventFields }
    throw new EvaluationError('BINGO_EVENT_CONTENT', `${name} of the event to make is not a map`)
  }
}

/** What a made event takes from the one that it is made of. */
function inherited(
  change: Change,
  parent: EventEnvelope | null,
  hops: number,
): Omit<EventPayload['event'], 'type' | 'key' | 'payload'> {
  return {
    source: 'internal',
    context: parent?.context ?? {},
    metadata: {},
    userId: parent?.userId ?? null,
    sessionId: parent?.sessionId ?? null,
    accountId: parent?.accountId ?? null,
    environment: parent?.environment ?? DEFAULT_ENVIRONMENT,
    correlationId: parent === null ? change.id : correlationOf(parent),
    causationId: parent?.id ?? change.id,
    traceparent: parent?.traceparent ?? null,
    hops,
    // When its cause happened: made again, it has to be the same.
    timestamp: Math.floor(change.at),
    isTest: parent?.isTest ?? false,
  }
}

/** The payload of the event; of a row what its event has for one. */
function payloadOf(change: Change): Value {
  const parent = envelopeOf(change)
  if (parent !== null) return parent.payload
  const { new: new_, old, key, changed } = toChangeEvent(change)
  return { new: new_, old, key, changed }
}

function checkedType(type: string): string {
  if (TYPE.test(type)) return type
  throw new EvaluationError('BINGO_EVENT_CONTENT', `${JSON.stringify(type)} is not a valid type of the event to make`, {
    hint: 'write words joined by dots, without spaces and wildcards',
  })
}

function checkedKey(key: string): string | null {
  if (key === '') return null
  if (key.length <= MOST_KEY && !/[\p{Cc}\p{Cs}]/u.test(key)) return key
  throw new EvaluationError(
    'BINGO_EVENT_CONTENT',
    'the key of the event to make is too long, or has control characters',
    {
      hint: `write at most ${MOST_KEY} characters, or {{sha256 …}}`,
    },
  )
}

/** Milliseconds since 1970; null for the empty text. */
function timeOf(text: string): number | null {
  if (text === '') return null
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(ms)) return ms
  throw new EvaluationError(
    'BINGO_EVENT_CONTENT',
    `deliverAt of the event to make is ${JSON.stringify(text)}, not a time`,
    {
      hint: 'write ISO 8601, such as 2026-11-28T10:00:00Z, or milliseconds since 1970',
    },
  )
}

function tooManyHops(change: Change, mostHops: number): EvaluationError {
  return new EvaluationError(
    'BINGO_EVENT_HOPS',
    `the event ${change.id} has come through ${mostHops} rules: one more would likely go round for ever`,
    { hint: 'look for rules that make each other’s events, or raise events.limits.hops' },
  )
}
