import { FORMER } from '../../model/delivery/waiting.ts'
import type { StoredRecord, WaitingRecord, WaitingShape } from '../../model/delivery/waiting.ts'
import { waitingCorrupt } from '../../model/delivery/waiting-corrupt.ts'
import { BingoError } from '../../model/errors.ts'
import { type Check, listOf, mapOf, number, optional, text } from '../../model/json/shape.ts'
import { readStored } from '../../model/json/stored.ts'
import { ACTION, ATTEMPTS, COLUMNS, STAGE } from '../kept-checks.ts'

const FIELDS = mapOf({
  ruleId: text,
  ruleVersion: text,
  actionIndex: number,
  action: ACTION,
  actionType: text,
  target: text,
  schema: text,
  table: text,
  columns: COLUMNS,
  key: listOf(text),
})
const SHAPE: Check = (value) => {
  const fault = FIELDS(value)
  if (fault !== null) return fault
  const { columns, key } = value as WaitingShape
  const strange = key.findIndex((name) => !columns.some(([each]) => each === name))
  return strange < 0 ? null : `.key[${strange}] is not one of its columns`
}
const REST = mapOf({ stage: optional(STAGE), attempts: ATTEMPTS })

/** The text of each shape; a shape is one object for very many records. */
const shapeTexts = new WeakMap<WaitingShape, string>()

export function shapeText(shape: WaitingShape): string {
  let json = shapeTexts.get(shape)
  if (json === undefined) shapeTexts.set(shape, (json = JSON.stringify(shape)))
  return json
}

/** Gives one object for one text, so that what is compiled for a shape is found again. */
export class ShapeReader {
  readonly #shapes = new Map<string, WaitingShape>()
  readonly #place: string

  constructor(place: string) {
    this.#place = place
  }

  read(json: string): WaitingShape {
    let shape = this.#shapes.get(json)
    if (shape === undefined) {
      shape = read<WaitingShape>(json, SHAPE, this.#place)
      this.#shapes.set(json, shape)
      shapeTexts.set(shape, json)
    }
    return shape
  }
}

/** What most records have nothing of; null then. */
export function restText({ stage, attempts }: WaitingRecord): string | null {
  return stage === undefined && attempts.length === 0 ? null : JSON.stringify({ stage, attempts })
}

export function readRest(json: string | null, place: string): Pick<StoredRecord, 'stage' | 'attempts'> {
  if (json === null) return { attempts: [] }
  const { stage, attempts } = read<Pick<StoredRecord, 'stage' | 'attempts'>>(json, REST, place)
  return { stage, attempts }
}

/** What a store keeps before an event. */
export function readHead<T>(json: string, check: Check, place: string): T {
  return read(json, check, place)
}

/**
 * Ids of what waits of the actions that come later in the same rule, for the same event. A record that is added again, and
 * was not read from its place, comes from a replay, which adds them again as well: until then they are gone, or they
 * would stand ahead of what they follow.
 */
export function idsBehind({ id, shape, from }: WaitingRecord): readonly string[] {
  const { identity, ofRule } = shape.action
  if (ofRule.length === 1 || from !== undefined) return []
  const event = id.slice(0, id.lastIndexOf(`#${identity}`) + 1)
  const later = ofRule.slice(ofRule.indexOf(identity) + 1).map((each) => event + each)
  return [...later, ...later.map((each) => each + FORMER)]
}

export function unreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_WAITING_UNREACHABLE', `The store of waiting events ${place} is unavailable: ${reason}`, {
    hint: 'Check that the store (deadLetters.store, else checkpoint.store) is up, writable and not full. BinGo waits and drops nothing.',
    retryable: true,
    cause,
  })
}

function read<T>(json: string, check: Check, place: string): T {
  return readStored<T>(json, check, (fault, cause) => waitingCorrupt(`A waiting event in ${place}`, fault, cause))
}
