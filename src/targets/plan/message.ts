import type { ActionSpec, FieldSpec } from '../../model/action.ts'
import { toCloudEvent } from '../../model/cloud-event.ts'
import { stringifyEvent, stringifyValue, toChangeEvent } from '../../model/event-json.ts'
import { READS_WHOLE_ROW } from '../../model/column-reads.ts'
import type { Piece } from './piece.ts'

/** `format: event | cloudevents`, shared by every action that sends JSON. */
export const FORMAT_FIELD: FieldSpec = {
  kind: 'enum',
  values: ['event', 'cloudevents'],
  doc: 'How the event is written: BinGo’s own JSON (the default) or a CloudEvents 1.0 envelope.',
}

/** What an action sends for one event, as JSON text. */
export interface Message {
  readonly json: Piece<string>
  /** Media type of one message; a batch of messages is always `application/json`. */
  readonly contentType: string
}

/** The structure in `field` where the rule has one, else the whole event in the format asked for. */
export function compileMessage(spec: ActionSpec, field: string): Message {
  const structure = spec.structure(field)
  const cloudEvents = spec.string('format') === 'cloudevents'
  if (structure === undefined) {
    if (cloudEvents) return { json: cloudEvent, contentType: 'application/cloudevents+json' }
    return { json: wholeEvent, contentType: 'application/json' }
  }
  if (spec.has('format')) {
    spec.fail(
      'format',
      'BINGO_RULE_FORMAT_AND_BODY',
      `\`format\` writes the whole event, and \`${field}\` replaces it`,
      'keep one of the two',
    )
  }
  const json: Piece<string> = {
    reads: (table) => structure.reads(table),
    bind: (table) => structure.bindJson(table),
  }
  return { json, contentType: 'application/json' }
}

/** The change event as one line of JSON. */
export const wholeEvent: Piece<string> = { reads: () => READS_WHOLE_ROW, bind: () => stringifyEvent }

const cloudEvent: Piece<string> = {
  reads: () => READS_WHOLE_ROW,
  bind: () => (change) => stringifyValue(toCloudEvent(toChangeEvent(change))),
}
