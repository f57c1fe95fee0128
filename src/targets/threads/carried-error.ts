import { BingoError } from '../../model/errors.ts'
import { DeadlineError } from '../../model/with-deadline.ts'

/** Causes inside causes; clients nest two or three. */
const MAX_DEPTH = 5
/** What clients say in fields of their own, and the code here reads. */
const OWN_FIELDS = ['code', 'details', 'hint', 'retryable'] as const

/** An error as it goes from a thread to another: structured cloning would leave only name, message and stack of it. */
export interface CarriedError {
  readonly kind: 'BingoError' | 'DeadlineError' | 'TypeError' | 'RangeError' | 'Error'
  readonly name: string
  readonly message: string
  readonly fields: { readonly [name: string]: unknown }
  readonly cause?: CarriedError
  /** Of an AggregateError. */
  readonly errors?: readonly CarriedError[]
}

export function carryError(error: unknown, depth = MAX_DEPTH): CarriedError {
  if (!(error instanceof Error)) return { kind: 'Error', name: 'Error', message: String(error), fields: {} }
  const fields: { [name: string]: unknown } = {}
  for (const name of OWN_FIELDS) if (name in error && isPlain(error[name as never])) fields[name] = error[name as never]
  return {
    kind: kindOf(error),
    name: error.name,
    message: error.message,
    fields,
    ...(error.cause !== undefined && depth > 0 && { cause: carryError(error.cause, depth - 1) }),
    ...(error instanceof AggregateError &&
      depth > 0 && { errors: error.errors.map((inner) => carryError(inner, depth - 1)) }),
  }
}

/** The error again, of a class that says the same to whoever classifies it. */
export function carriedError(carried: CarriedError): Error {
  const cause = carried.cause === undefined ? undefined : carriedError(carried.cause)
  const error = carried.errors === undefined ? made(carried, cause) : aggregate(carried, carried.errors, cause)
  if (carried.kind === 'BingoError') return error
  return Object.assign(error, { name: carried.name, message: carried.message, ...carried.fields })
}

function made({ kind, message, fields }: CarriedError, cause: Error | undefined): Error {
  const options = cause === undefined ? undefined : { cause }
  if (kind === 'BingoError') {
    const { code, hint, retryable } = fields as unknown as BingoError
    return new BingoError(code, message, { hint, retryable, cause })
  }
  if (kind === 'DeadlineError') return new DeadlineError(0)
  if (kind === 'TypeError') return new TypeError(message, options)
  return kind === 'RangeError' ? new RangeError(message, options) : new Error(message, options)
}

function aggregate(
  { message }: CarriedError,
  errors: readonly CarriedError[],
  cause: Error | undefined,
): AggregateError {
  return new AggregateError(errors.map(carriedError), message, cause === undefined ? undefined : { cause })
}

function kindOf(error: Error): CarriedError['kind'] {
  if (error instanceof BingoError) return 'BingoError'
  if (error instanceof DeadlineError) return 'DeadlineError'
  if (error instanceof TypeError) return 'TypeError'
  return error instanceof RangeError ? 'RangeError' : 'Error'
}

function isPlain(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value)
}
