import { BingoError } from '../model/errors.ts'
import type { Place } from '../model/event-log.ts'

export function logFull(log: string): BingoError {
  return new BingoError('BINGO_LOG_FULL', `The event log ${log} is full`, {
    hint: 'Its readers do not keep up, or a group that nobody reads holds entries: see its statistics. Raise its limits, or make the readers faster.',
    retryable: true,
  })
}

/** What appends and waits for an answer must not fill the memory. */
export function logBusy(log: string): BingoError {
  return new BingoError('BINGO_LOG_FULL', `The event log ${log} cannot write as fast as it is appended to`, {
    hint: 'Append again in a moment, and fewer at a time.',
    retryable: true,
  })
}

export function invalidPlace(place: Place): BingoError {
  return new BingoError('BINGO_LOG_PLACE_INVALID', `"${place.slice(0, 40)}" is not a place in this event log`, {
    hint: 'Use a place that this log has given.',
  })
}

export function logClosed(log: string): BingoError {
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} is closed`, { retryable: true })
}
