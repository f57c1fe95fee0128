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

export function eventConflict(id: string): BingoError {
  return new BingoError('BINGO_EVENT_CONFLICT', `The event "${id.slice(0, 100)}" is stored with other content`, {
    hint: 'Give the new event an id of its own, or send the same content again.',
  })
}
