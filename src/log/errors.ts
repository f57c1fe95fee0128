import { isCertificateRefused } from '../clients/certificate-refused.ts'
import { BingoError } from '../model/errors.ts'
import type { Place } from '../model/state/event-log.ts'

export function logFull(log: string): BingoError {
  return new BingoError('BINGO_LOG_FULL', `The event log ${log} is full`, {
    hint: 'Raise its limits, or make its readers faster. They cannot keep up, or a group that nobody reads holds entries: see its statistics.',
    retryable: true,
  })
}

/** What appends and waits for an answer must not fill the memory. */
export function logBusy(log: string): BingoError {
  return new BingoError('BINGO_LOG_FULL', `The event log ${log} receives entries faster than it can write them`, {
    hint: 'Retry later, with fewer entries at a time.',
    retryable: true,
  })
}

export function invalidPlace(place: Place): BingoError {
  return new BingoError('BINGO_LOG_PLACE_INVALID', `"${place.slice(0, 40)}" is not a valid place in this event log`, {
    hint: 'Use a place that this log returned.',
  })
}

export function logClosed(log: string): BingoError {
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} is closed`, { retryable: true })
}

/** Entries that two read would be worked off twice. */
export function groupBusy(log: string, group: string, holder: string): BingoError {
  return new BingoError('BINGO_LOG_GROUP_BUSY', `The group "${group}" of the event log ${log} is read by ${holder}`, {
    hint: 'Stop the other reader, or wait until it ends. Give an instance that is to read everything a group of its own.',
    retryable: true,
  })
}

/** Entries of an engine that the index beside it does not account for. */
export function indexMismatch(log: string, found: 'other' | 'newer'): BingoError {
  const why =
    found === 'other' ? 'holds entries of another index' : 'is ahead of its index, which lost what it had last'
  return new BingoError('BINGO_LOG_INDEX_MISMATCH', `The event log ${log} ${why}`, {
    hint: 'Restore the `events.index` that belongs to it. To start with an empty log, give `events.store` a new name and `events.index` a new place.',
  })
}

/** It is set up so that it would lose entries, or cannot take them. */
export function engineUnfit(log: string, why: string, hint: string): BingoError {
  return new BingoError('BINGO_LOG_ENGINE_UNFIT', `The event log ${log} cannot keep events: ${why}`, { hint })
}

export function engineUnreachable(log: string, error: unknown, hint: string): BingoError {
  if (error instanceof BingoError) return error
  if (isCertificateRefused(error)) return certificateRefused(log, error)
  const reason = error instanceof Error && error.message !== '' ? error.message : String(error)
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} is unavailable: ${reason}`, {
    hint,
    retryable: true,
    cause: error,
  })
}

/** The login, or a right: it is tried again, because an administrator may grant it meanwhile. */
export function engineRefused(log: string, why: string, hint: string, cause: unknown): BingoError {
  return new BingoError('BINGO_LOG_REFUSED', `The event log ${log} refuses access: ${why}`, {
    hint,
    retryable: true,
    cause,
  })
}

export function certificateRefused(log: string, cause: unknown): BingoError {
  const hint = 'Name a client certificate that the server trusts in `events.store`: `?cert=FILE&key=FILE`.'
  return engineRefused(log, 'it does not accept the client certificate, or there is none', hint, cause)
}

/** Somebody else has written it. */
export function progressCorrupt(id: string, fault: string, cause?: unknown): BingoError {
  const message = `What the event log knows of the event "${id.slice(0, 100)}" is corrupt: ${fault}`
  return new BingoError('BINGO_LOG_CORRUPT', message, {
    hint: 'Another program has written to the store. Correct the progress of the event there, or restore it from a backup.',
    ...(cause !== undefined && { cause }),
  })
}

export function eventConflict(id: string): BingoError {
  return new BingoError('BINGO_EVENT_CONFLICT', `The event "${id.slice(0, 100)}" is stored with other content`, {
    hint: 'Give the new event an id of its own, or send the same content again.',
  })
}
