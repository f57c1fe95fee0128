import { FORMER } from '../../model/delivery/waiting.ts'
import type { StoredRecord, WaitingRecord, WaitingShape } from '../../model/delivery/waiting.ts'
import { BingoError } from '../../model/errors.ts'

/** The text of each shape; a shape is one object for very many records. */
const shapeTexts = new WeakMap<WaitingShape, string>()

export function shapeText(shape: WaitingShape): string {
  let text = shapeTexts.get(shape)
  if (text === undefined) shapeTexts.set(shape, (text = JSON.stringify(shape)))
  return text
}

/** Gives one object for one text, so that what is compiled for a shape is found again. */
export class ShapeReader {
  readonly #shapes = new Map<string, WaitingShape>()
  readonly #place: string

  constructor(place: string) {
    this.#place = place
  }

  read(text: string): WaitingShape {
    let shape = this.#shapes.get(text)
    if (shape === undefined) {
      shape = parse(text, this.#place) as WaitingShape
      this.#shapes.set(text, shape)
      shapeTexts.set(shape, text)
    }
    return shape
  }
}

/** What most records have nothing of; null then. */
export function restText({ stage, attempts }: WaitingRecord): string | null {
  return stage === undefined && attempts.length === 0 ? null : JSON.stringify({ stage, attempts })
}

export function readRest(text: string | null, place: string): Pick<StoredRecord, 'stage' | 'attempts'> {
  return text === null ? { attempts: [] } : (parse(text, place) as Pick<StoredRecord, 'stage' | 'attempts'>)
}

/** What a store keeps before an event. */
export function readHead(text: string, place: string): unknown {
  return parse(text, place)
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

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BingoError('BINGO_WAITING_CORRUPT', `A waiting event in ${place} is corrupt`, {
      hint: 'Another program has written to the store. Restore it from a backup, or set another deadLetters.store and replay with `bingo position set`.',
      cause,
    })
  }
}
