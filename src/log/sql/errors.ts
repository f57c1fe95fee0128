import { BingoError } from '../../model/errors.ts'
import { engineRefused } from '../errors.ts'

/** What the operator does about it, by MySQL's number or PostgreSQL's SQLSTATE. */
const HINTS: { readonly [code: string]: string } = {
  1044: 'Grant the user of `events.store` access to its database.',
  1045: 'Check user and password of `events.store`.',
  1049: 'Create the database that `events.store` names.',
  1142: 'Grant the user of `events.store` CREATE, INDEX, SELECT, INSERT, UPDATE and DELETE on its database.',
  1290: 'Use the address of the primary: this server is read-only.',
  1836: 'Use the address of the primary: this server is read-only.',
  25006: 'Use the address of the primary: this server is read-only.',
  '28P01': 'Check user and password of `events.store`.',
  28000: 'Check user and password of `events.store`, and pg_hba.conf of the server.',
  '3D000': 'Create the database that `events.store` names.',
  42501: 'Grant the user of `events.store` CREATE on the schema, and SELECT, INSERT, UPDATE and DELETE on its tables.',
}

/** The login, and rights. */
const REFUSALS: ReadonlySet<string> = new Set(['1044', '1045', '1142', '28P01', '28000', '42501'])

/** Deadlock, lock wait timeout; serialization failure, deadlock: the transaction was rolled back and may be repeated. */
const REPEATABLE = new Set(['1213', '1205', '40001', '40P01'])

/** What an error of a client means for who uses the log. */
export function serverError(log: string, error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const reason = reasonOf(error)
  const code = codeOf(error)
  if (REFUSALS.has(code)) return engineRefused(log, reason, HINTS[code]!, error)
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} is unavailable: ${reason}`, {
    hint: HINTS[code] ?? 'Check that the database server is up, reachable and writable, and that its disk is not full.',
    retryable: true,
    cause: error,
  })
}

export function isRepeatable(error: unknown): boolean {
  return REPEATABLE.has(codeOf(error))
}

/** A name that is taken (MySQL, PostgreSQL), or a head without room; or a transaction that may be repeated. */
export function isRefusedInsert(error: unknown): boolean {
  return ['1062', '23505', '1048'].includes(codeOf(error)) || isRepeatable(error)
}

export function newerTables(log: string, found: number, known: number): BingoError {
  const message = `The tables of ${log} were made by a newer BinGo (version ${found}, this one supports up to ${known})`
  return new BingoError('BINGO_LOG_NEWER', message, { hint: 'Run the newer BinGo.' })
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  if ('errno' in error && typeof error.errno === 'number' && error.errno > 0) return String(error.errno)
  return 'code' in error ? String(error.code) : ''
}

function reasonOf(error: unknown): string {
  // Several addresses of one host that refuse.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message
  return error instanceof Error && error.message !== '' ? error.message : String(error)
}
