import type { ActionDefaults, ActionSpec, ActionType, CompiledAction } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'
import { BingoError } from '../../model/errors.ts'
import { refuseFixed, type Wanted } from '../plan/fixed.ts'
import { compileAppend, checkAppend, checkNoAppend } from './compile-append.ts'
import { compileMade, TYPE } from './compile.ts'
import type { EventActionOptions, StreamTargetOptions } from './options.ts'

const TEXT_FIELDS = ['userId', 'sessionId', 'accountId', 'correlationId'] as const

const EVENT_FIELDS: { readonly [name: string]: FieldSpec } = {
  type: { kind: 'template', place: 'dotted', required: true, doc: 'The type: mail.welcome.requested.' },
  key: { kind: 'text', doc: 'What order is kept for. Default: none.' },
  payload: {
    kind: 'structure',
    doc: 'Any JSON. Default: the payload of the event; of a row old, new, key and changed.',
  },
  context: { kind: 'structure', doc: 'A map. Default: that of the event.' },
  metadata: { kind: 'structure', doc: 'A map. Default: empty.' },
  ...Object.fromEntries(
    TEXT_FIELDS.map((name): [string, FieldSpec] => [name, { kind: 'text', doc: 'Default: that of the event.' }]),
  ),
  stream: { kind: 'template', doc: 'Append to this stream of the event store: order-{{key}}. Default: none.' },
  expectedVersion: {
    kind: 'text',
    doc: 'With a stream: the version that it has to have, no-stream, stream-exists or any. Default: any.',
  },
  source: { kind: 'text', doc: 'With a stream: the service that the event comes from. Default: internal.' },
}

const FIXED_TYPE: Wanted = {
  pattern: TYPE,
  code: 'BINGO_RULE_EVENT_TYPE',
  message: 'not a valid type of events',
  hint: 'write words joined by dots, without spaces and wildcards: mail.welcome.requested',
}

/**
 * `type: event`: makes another event, which goes through the rules like one that was posted; with a stream, appends it to
 * that of the event store.
 */
export const event: ActionType = {
  type: 'event',
  fields: {
    event: { kind: 'object', required: true, fields: EVENT_FIELDS, doc: 'The event: type, key, payload and so on.' },
    deliverAfter: { kind: 'duration', doc: 'How long the event waits before its rules see it.' },
    deliverAt: {
      kind: 'text',
      doc: 'When its rules see it, ISO 8601 or milliseconds since 1970. Wins over deliverAfter.',
    },
  },
  targetFields: [],
  defaultCoalesce: () => 'none',
  compile: compileEvent,
  /** The daemon keeps the events itself: there is nobody else to ask. */
  inspect: () => Promise.resolve([]),
  async open({ options }, { events, streams, now, log }) {
    if ((options as StreamTargetOptions | null)?.appends === true) {
      if (streams === undefined) {
        throw new BingoError('BINGO_EVENT_NO_STREAMS', 'A rule appends to streams, but there is no event store', {
          hint: 'Set `eventStore.url`, such as file:/var/lib/app/events.db, or remove `stream` from the actions.',
        })
      }
      const { StreamTarget } = await import('./stream-target.ts')
      return new StreamTarget(streams, log)
    }
    if (events === undefined) {
      throw new BingoError('BINGO_EVENT_NO_STORE', 'A rule makes events, but nothing keeps them', {
        hint: 'Set `events.store`, such as file:/var/lib/bingo/events.db, or remove the `type: event` actions.',
      })
    }
    const { EventTarget } = await import('./target.ts')
    return new EventTarget(events, now, log)
  },
}

function compileEvent(spec: ActionSpec, defaults: ActionDefaults): CompiledAction {
  const own = spec.object('event')
  const appends = own?.has('stream') === true
  if (appends) checkStore(spec, defaults.keepsStreams, 'a rule appends to streams, but there is no event store', STORE)
  else checkStore(spec, defaults.keepsEvents, 'a rule makes events, but nothing keeps them', EVENTS)
  if (own !== undefined) {
    refuseFixed(own, 'type', FIXED_TYPE)
    if (appends) checkAppend(spec, own)
    else {
      checkNoAppend(own)
      for (const field of ['context', 'metadata']) refuseNoMap(own, field)
    }
  }
  const event = compileMade(own, spec.template('deliverAt'), defaults.mostHops)
  const made = own !== undefined && appends ? compileAppend(own, event) : event
  const options: EventActionOptions = { deliverAfterMs: spec.number('deliverAfter') ?? 0 }
  const target: TargetConfig = appends
    ? { id: spec.targetName ?? 'event-store', type: 'event', options: { appends } satisfies StreamTargetOptions }
    : { id: spec.targetName ?? 'event', type: 'event', options: null }
  return {
    target,
    options,
    reads: (table) => made.reads(table),
    bind: (table) => made.bind(table),
  }
}

const EVENTS = 'set `events.store` in the configuration, such as file:/var/lib/bingo/events.db'
const STORE = 'set `eventStore.url` in the configuration, such as file:/var/lib/app/events.db'

function checkStore(spec: ActionSpec, isThere: boolean | undefined, message: string, hint: string): void {
  if (isThere === false) spec.fail('event', 'BINGO_RULE_EVENT_NO_STORE', message, hint)
}

function refuseNoMap(spec: ActionSpec, field: string): void {
  const outline = spec.outline(field)
  if (outline === undefined || outline.tag === 'map') return
  if (outline.tag === 'scalar' && String(outline.value).includes('{{')) return
  spec.fail(field, 'BINGO_RULE_TYPE', `${field} must be a map`, `write for example ${field}: {region: eu}`)
}
