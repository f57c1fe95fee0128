import { isRefusal } from '../clients/sql/refusal.ts'
import { BingoError } from '../model/errors.ts'
import type { ExpectedVersion } from './contract.ts'

/** Somebody else appended first, or the caller was wrong about the stream. Read it again, decide again, append again. */
export class VersionConflictError extends BingoError {
  readonly stream: string
  readonly expected: ExpectedVersion
  /** 0: the stream has no events. */
  readonly actual: number

  constructor(stream: string, expected: ExpectedVersion, actual: number) {
    const wanted = typeof expected === 'number' ? `version ${expected}` : `"${expected}"`
    const found = actual === 0 ? 'does not exist' : `has version ${actual}`
    super('BINGO_STORE_VERSION_CONFLICT', `Stream "${stream}" ${found}, but the append expects ${wanted}`, {
      hint: 'Read the stream again, decide again by its new state, and append with the version you read.',
    })
    this.name = 'VersionConflictError'
    this.stream = stream
    this.expected = expected
    this.actual = actual
  }
}

export function idTaken(id: string, stream: string, version: number): BingoError {
  return new BingoError(
    'BINGO_STORE_EVENT_ID_TAKEN',
    `Event id "${id}" is stored already, with other content: version ${version} of stream "${stream}"`,
    {
      hint: 'Give each event its own id. A retry has to append the same events, in the same order, to the same stream.',
    },
  )
}

export function invalidArgument(message: string, hint?: string): BingoError {
  return new BingoError('BINGO_STORE_ARGUMENT_INVALID', message, { hint })
}

export function storeClosed(store: string): BingoError {
  return new BingoError('BINGO_STORE_UNREACHABLE', `The event store ${store} is closed`)
}

export function storeUnreachable(store: string, cause: unknown): BingoError {
  if (cause instanceof BingoError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  if (isRefusal(cause)) {
    return new BingoError('BINGO_STORE_REFUSED', `The database refuses the event store ${store}: ${reason}`, {
      hint: 'Check the user, the password and the name of the database, and what the account may do.',
      cause,
    })
  }
  return new BingoError('BINGO_STORE_UNREACHABLE', `The event store ${store} is unavailable: ${reason}`, {
    hint: 'Check that the database is up, reachable and writable, and that its disk is not full.',
    retryable: true,
    cause,
  })
}

export function newerTables(store: string, found: number, known: number, cause?: unknown): BingoError {
  const message = `The tables of ${store} were made by a newer BinGo (version ${found}, this one supports up to ${known})`
  return new BingoError('BINGO_STORE_NEWER', message, { hint: 'Upgrade this program to the newer BinGo.', cause })
}

export function storeReplaced(store: string, after: bigint, why: string): BingoError {
  const message = `The event store ${store} is not the one that was read up to position ${after}: ${why}`
  return new BingoError('BINGO_STORE_REPLACED', message, {
    hint: 'Set eventStore.url back, if it was changed by mistake. If the store was replaced, emptied or restored, say where reading begins in it: `bingo position set earliest --source event-store`, or latest.',
  })
}

export function storeMissing(store: string): BingoError {
  return new BingoError('BINGO_STORE_MISSING', `There is no event store in ${store}`, {
    hint: 'Check the address. The first append makes the tables, where the account may.',
  })
}

export function storeCorrupt(store: string, cause: unknown): BingoError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_STORE_CORRUPT', `The event store ${store} is corrupt: ${reason}`, {
    hint: 'Stop the application and restore the file from a backup, with its -wal file.',
    cause,
  })
}
