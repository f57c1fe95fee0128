import { BingoError } from '../../model/errors.ts'
import { count, mapOf, text } from '../../model/json/shape.ts'
import { readStored } from '../../model/json/stored.ts'
import { exactJson, parseJson } from '../../model/json/strict-json.ts'
import type { SagaSource } from '../../model/saga/definition.ts'
import type { SagaInstance } from '../../model/saga/instance.ts'
import type { SagaPage } from '../../model/saga/store.ts'
import { faultOfInstance } from './instance-fault.ts'

/** Deeper than any event that is taken in, with what stands around it. */
const MAX_DEPTH = 512

const SOURCE = mapOf({ id: text, version: text, file: text, line: count, text })

/** An instance as stores keep it. A text that begins with a blank holds integers that only exact readers know. */
export function instanceText(instance: SagaInstance): string {
  try {
    return JSON.stringify(instance)
  } catch {
    return ` ${exactJson(instance)}`
  }
}

/** Columns that a store changes by itself win over what the text says. Throws BINGO_SAGA_STORE_CORRUPT, naming the instance. */
export function readInstance(json: string, dueAt: number | null, place: string): SagaInstance {
  const value = parse(json, place)
  const fault = faultOfInstance(value)
  if (fault !== null) throw corrupt(instanceIn(value), place, fault)
  return { ...(value as SagaInstance), dueAt }
}

/** Of a definition that instances run by. Throws BINGO_SAGA_STORE_CORRUPT. */
export function readSource(json: string, place: string): SagaSource {
  return readStored(json, SOURCE, (fault, cause) => corrupt('A definition of a saga', place, fault, cause))
}

function parse(json: string, place: string): unknown {
  try {
    return json.startsWith(' ') ? parseJson(json, MAX_DEPTH) : JSON.parse(json)
  } catch (cause) {
    throw corrupt('A saga', place, `${JSON.stringify(json.slice(0, 80))} is not JSON`, cause)
  }
}

function instanceIn(value: unknown): string {
  const { saga, key } = { ...(value as Partial<SagaInstance> | null) }
  return typeof saga === 'string' && typeof key === 'string' ? `The saga "${saga}" of the key "${key}"` : 'A saga'
}

function corrupt(which: string, place: string, fault: string, cause?: unknown): BingoError {
  return new BingoError('BINGO_SAGA_STORE_CORRUPT', `${which} in ${place} is corrupt: ${fault}`, {
    hint: 'Another program has written to the store. Correct it there, or restore it from a backup.',
    ...(cause !== undefined && { cause }),
  })
}

/** Commands whose sender may be gone: a new leader has to look at it. */
export function isInFlight({ steps }: SagaInstance): boolean {
  return Object.values(steps).some(({ sentAt }) => sentAt !== null)
}

/** Where a page goes on: behind the instance that started then, with this number. */
export function placeOf({ after }: SagaPage): readonly [startedAt: number, id: number] | null {
  const found = after === null ? null : /^(\d+)-(\d+)$/.exec(after)
  if (after !== null && found === null) throw badPage(after)
  return found === null ? null : [Number(found[1]), Number(found[2])]
}

function badPage(after: string): BingoError {
  return new BingoError(
    'BINGO_SAGA_PAGE',
    `${JSON.stringify(after.slice(0, 80))} is not a page of a listing of sagas`,
    {
      hint: 'Give the `next` of the page before, or nothing.',
    },
  )
}

export function fenced(epoch: number, found: number): BingoError {
  return new BingoError(
    'BINGO_SAGA_FENCED',
    `Another instance runs the sagas (epoch ${found}, this one has ${epoch})`,
    {
      hint: 'Nothing to do: this instance stops and the newer one goes on. If no other one runs, restart this one.',
    },
  )
}

export function unreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_SAGA_STORE_UNREACHABLE', `The store of sagas ${place} is unavailable: ${reason}`, {
    hint: 'Check that the store (sagas.store, else deadLetters.store, else checkpoint.store) is up, writable and not full. BinGo waits and drops nothing.',
    retryable: true,
    cause,
  })
}
