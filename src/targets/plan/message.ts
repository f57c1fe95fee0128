import type { ActionSpec } from '../../model/rule/action.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import { eventContent, formattedContent, type EventFormat } from '../../model/event/bytes/image-change.ts'
import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import { cloudEventOf } from '../../model/event/forms/cloud-event.ts'
import { toDebeziumEvent } from '../../model/event/forms/debezium-event.ts'
import { stringifyEvent, stringifyValue, toChangeEvent } from '../../model/event/forms/event-json.ts'
import { messageOf as outboxMessageOf } from '../../model/event/posted/outbox-event.ts'
import { envelopeOf } from '../../model/event/posted/posted-event.ts'
import { exactJson } from '../../model/json/strict-json.ts'
import { READS_NOTHING, READS_WHOLE_ROW } from '../../model/table/column-reads.ts'
import { constant, structureContent } from './piece.ts'
import type { Piece } from './piece.ts'

/** `format: event | cloudevents | debezium | payload`, shared by every action that sends JSON. */
export const FORMAT_FIELD: FieldSpec = {
  kind: 'enum',
  values: ['event', 'cloudevents', 'debezium', 'payload'],
  doc: 'Format of the event: BinGo’s own JSON (the default), a CloudEvents 1.0 envelope, the envelope of Debezium, or the payload alone.',
}

/** `text` and `contentType`, shared by every action that sends a body. */
export const TEXT_FIELDS: { readonly text: FieldSpec; readonly contentType: FieldSpec } = {
  text: { kind: 'text', doc: 'Plain text to send instead of JSON: a form, CSV, XML. NULL becomes empty.' },
  contentType: { kind: 'string', doc: 'Media type. Default: application/json, or text/plain for `text`.' },
}

const PLAIN_TEXT = 'text/plain; charset=utf-8'
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;\s*[\w-]+=("[^"\r\n]*"|[\w!#$&^.+-]+))*$/

/** What an action sends for one event. */
export interface Message {
  /** `none`: nothing at all, as `body: none` or `value: tombstone` have it. `payload`: text as it is, else JSON. */
  readonly kind: 'json' | 'text' | 'none' | 'payload'
  /** The body as text; empty where there is none. */
  readonly json: Piece<string>
  /** The same as bytes where the row's image is at hand: for targets that can send those. */
  readonly content: Piece<Content>
  /** Media type of one message; a batch of messages is always `application/json`. */
  readonly contentType: string
}

/** No body at all. */
export const NO_MESSAGE: Message = {
  kind: 'none',
  json: constant(''),
  content: constant(''),
  contentType: '',
}

/**
 * The structure in `field` where the rule has one, or its `text`, else the whole event in the format asked for. `nothing` is
 * the word for no body at all.
 */
export function compileMessage(spec: ActionSpec, field: string, nothing?: string): Message {
  const message = compileContent(spec, field, nothing)
  const contentType = spec.string('contentType')
  if (contentType === undefined) return message
  if (!MEDIA_TYPE.test(contentType)) {
    const hint = 'write for example `application/x-www-form-urlencoded`'
    spec.fail('contentType', 'BINGO_RULE_CONTENT_TYPE', 'not a valid media type', hint)
  }
  return { ...message, contentType }
}

function compileContent(spec: ActionSpec, field: string, nothing: string | undefined): Message {
  const replaced = ['text', field].filter((name) => spec.has(name))
  if (replaced.length > 1) {
    spec.fail('text', 'BINGO_RULE_TEXT_AND_BODY', `\`text\` and \`${field}\` exclude each other`, 'keep one of the two')
  }
  if (replaced[0] !== undefined && spec.has('format')) {
    const message = `\`format\` writes the whole event, and \`${replaced[0]}\` replaces it`
    spec.fail('format', 'BINGO_RULE_FORMAT_AND_BODY', message, 'keep one of the two')
  }
  const text = spec.template('text')
  if (text !== undefined) return messageOf('text', text, PLAIN_TEXT)
  const outline = spec.outline(field)
  if (nothing !== undefined && outline?.tag === 'scalar' && outline.value === nothing) {
    return NO_MESSAGE
  }
  const structure = spec.structure(field)
  if (structure !== undefined) {
    const json: Piece<string> = {
      reads: (table) => structure.reads(table),
      bind: (table) => structure.bindJson(table),
    }
    return { ...messageOf('json', json), content: structureContent(structure) }
  }
  if (spec.string('format') === 'debezium') {
    return formatted('debezium', (change) => stringifyValue(toDebeziumEvent(change)))
  }
  if (spec.string('format') === 'payload') {
    return messageOf('payload', payloadAlone)
  }
  if (spec.string('format') !== 'cloudevents') {
    return { ...messageOf('json', wholeEvent), content: wholeEventContent }
  }
  return formatted('cloudevents', (change) => stringifyValue(cloudEventOf(change)), 'application/cloudevents+json')
}

function messageOf(kind: Message['kind'], json: Piece<string>, contentType = 'application/json'): Message {
  return { kind, json, content: json, contentType }
}

/** The event as one line of JSON. */
const wholeEvent: Piece<string> = { reads: () => READS_WHOLE_ROW, bind: () => stringifyEvent }

/** The same, as bytes where the row's image is at hand. */
export const wholeEventContent: Piece<Content> = {
  reads: () => READS_WHOLE_ROW,
  decodes: () => READS_NOTHING,
  bind: () => eventContent,
}

/** The whole event in another form: as text, and as bytes where the row's image is at hand. */
function formatted(format: EventFormat, stringify: (change: Change) => string, contentType?: string): Message {
  const text: Piece<string> = { reads: () => READS_WHOLE_ROW, bind: () => stringify }
  const bytes = formattedContent(format, stringify)
  const content: Piece<Content> = { reads: () => READS_WHOLE_ROW, decodes: () => READS_NOTHING, bind: () => bytes }
  return { ...messageOf('json', text, contentType), content }
}

/** What `format: payload` sends; of a row what rules call its payload. Null: nothing. */
function payloadOf(change: Change): Value {
  const envelope = envelopeOf(change)
  if (envelope !== null) return outboxMessageOf(envelope)
  const { key, old, new: new_, changed } = toChangeEvent(change)
  return { new: new_, old, key, changed }
}

export function isEmptyPayload(change: Change): boolean {
  return payloadOf(change) === null
}

const payloadAlone: Piece<string> = {
  reads: () => READS_WHOLE_ROW,
  bind: () => (change) => {
    const payload = payloadOf(change)
    return payload === null ? '' : typeof payload === 'string' ? payload : exactJson(payload)
  },
}

/** The same for what has to be JSON. */
export const payloadAsJson: Piece<string> = {
  reads: () => READS_WHOLE_ROW,
  bind: () => (change) => exactJson(payloadOf(change)),
}
