import { BingoError } from '../../model/errors.ts'
import { nameProblem } from '../../model/stored-name.ts'
import type { SagaCommand, SagaHeaders } from './contract.ts'

/** A saga's id and a key, each as long as a name may be, and what separates them. */
const MOST_LENGTH_OF_SAGA = 511

/** What the headers of a request or message say of a saga's command. Throws BINGO_BARRIER_HEADERS. */
export function sagaCommandOf(headers: SagaHeaders): SagaCommand {
  const operation = valueOf(headers, 'bingo-op')
  if (operation !== 'do' && operation !== 'undo') {
    throw invalid('bingo-op', operation === null ? 'is missing' : `must be "do" or "undo", got "${operation}"`)
  }
  const attempt = Number(valueOf(headers, 'bingo-attempt') ?? Number.NaN)
  return {
    saga: nameIn(headers, 'bingo-saga', MOST_LENGTH_OF_SAGA),
    step: nameIn(headers, 'bingo-step'),
    operation,
    attempt: Number.isSafeInteger(attempt) ? attempt : null,
  }
}

function nameIn(headers: SagaHeaders, header: string, mostLength?: number): string {
  const value = valueOf(headers, header)
  const problem = value === null ? 'is missing' : nameProblem(value, mostLength)
  if (value === null || problem !== null) throw invalid(header, problem ?? 'is missing')
  return value
}

function valueOf(headers: SagaHeaders, name: string): string | null {
  const { get } = Object(headers) as { get?: unknown }
  if (typeof get === 'function') return textOf(get.call(headers, name))
  const entry = Object.entries(Object(headers)).find(([key]) => key.toLowerCase() === name)
  return textOf(entry?.[1])
}

/** Node has lists of repeated headers, gRPC of all; Kafka has bytes. */
function textOf(value: unknown): string | null {
  if (Array.isArray(value)) return textOf(value[0])
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? value : null
}

function invalid(header: string, problem: string): BingoError {
  return new BingoError('BINGO_BARRIER_HEADERS', `The header \`${header}\` of a saga's command ${problem}`, {
    hint: 'Pass the headers of the request or message as BinGo sent them: bingo-saga, bingo-step, bingo-op.',
  })
}
