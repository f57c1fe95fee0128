import { BingoError } from '../model/errors.ts'
import { nameProblem } from '../model/stored-name.ts'
import type { OutboxEntry } from './contract.ts'

export function invalidEntry(message: string): BingoError {
  return new BingoError('BINGO_OUTBOX_ENTRY_INVALID', `The outbox entry is not valid: ${message}`, {
    hint: 'An entry needs `id`, `topic` and a `payload` that JSON can say.',
  })
}

/** Throws BINGO_OUTBOX_ENTRY_INVALID. */
export function checkEntry(entry: OutboxEntry): void {
  if (typeof entry !== 'object' || entry === null) throw invalidEntry('it must be an object')
  for (const name of ['id', 'topic'] as const) check(name, entry[name])
  for (const name of ['aggregateId', 'type'] as const) {
    if (entry[name] !== undefined && entry[name] !== null) check(name, entry[name])
  }
  json('payload', entry.payload)
  const headers: unknown = entry.headers ?? {}
  if (typeof headers !== 'object' || Array.isArray(headers)) throw invalidEntry('`headers` must be an object of texts')
  for (const [name, value] of Object.entries(headers as object)) {
    if (typeof value !== 'string') throw invalidEntry(`the header "${name}" must be a text`)
  }
}

function check(field: string, value: unknown): void {
  const problem = value === undefined ? 'is missing' : nameProblem(value)
  if (problem !== null) throw invalidEntry(`\`${field}\` ${problem}`)
}

/** What is stored of a payload or of headers. */
export function json(field: string, value: unknown): string {
  try {
    const text = JSON.stringify(value ?? null) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    throw invalidEntry(`\`${field}\` cannot be written as JSON: ${(error as Error).message}`)
  }
  throw invalidEntry(`\`${field}\` cannot be written as JSON: it is a ${typeof value}`)
}
