import { BingoError } from '../../model/errors.ts'
import { exactJson, parseJson } from '../../model/json/strict-json.ts'
import type { SagaSource } from '../../model/saga/definition.ts'
import type { SagaInstance } from '../../model/saga/instance.ts'
import type { SagaPage } from '../../model/saga/store.ts'

/** Deeper than any event that is taken in, with what stands around it. */
const MAX_DEPTH = 512

/** An instance as stores keep it. A text that begins with a blank holds integers that only exact readers know. */
export function instanceText(instance: SagaInstance): string {
  try {
    return JSON.stringify(instance)
  } catch {
    return ` ${exactJson(instance)}`
  }
}

/** Columns that a store changes by itself win over what the text says. */
export function readInstance(text: string, dueAt: number | null, place: string): SagaInstance {
  const instance = parse(text, place) as unknown as SagaInstance
  return { ...instance, dueAt }
}

export function readSource(text: string, place: string): SagaSource {
  return parse(text, place) as unknown as SagaSource
}

function parse(text: string, place: string): unknown {
  try {
    return text.startsWith(' ') ? parseJson(text, MAX_DEPTH) : JSON.parse(text)
  } catch (cause) {
    throw new BingoError('BINGO_SAGA_STORE_CORRUPT', `A saga in ${place} is corrupt`, {
      hint: 'Another program has written to the store. Restore it from a backup.',
      cause,
    })
  }
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
