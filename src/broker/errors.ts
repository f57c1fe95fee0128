import { BingoError } from '../model/errors.ts'

export function notStarted(): BingoError {
  return new BingoError('BINGO_BROKER_NOT_STARTED', 'The broker is not started: it takes no events', {
    hint: 'Await broker.start() before the first publish.',
  })
}

export function stopped(cause?: unknown): BingoError {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  return new BingoError('BINGO_BROKER_STOPPED', `The broker has stopped, or is stopping${why}`, {
    hint: 'Create another broker; events in a file or on a server are handled after its start.',
    cause,
  })
}

export function startedAlready(): BingoError {
  return new BingoError('BINGO_BROKER_STARTED', 'The broker was started already', {
    hint: 'Start it once; create another one after a stop.',
  })
}

export function full(buffer: number): BingoError {
  return new BingoError('BINGO_BROKER_FULL', `The broker is full: ${buffer} events are not handled yet`, {
    hint: 'Retry later, raise `buffer` or `workers`, or make the handlers faster.',
    retryable: true,
  })
}

export function syncInHandler(): BingoError {
  return new BingoError('BINGO_BROKER_SYNC_IN_HANDLER', 'publishSync was called inside of a handler', {
    hint: 'Use publish or publishAsync there: a handler that waits for other handlers can wait for itself.',
  })
}

export function wrongSubscription(why: string, hint: string): BingoError {
  return new BingoError('BINGO_BROKER_SUBSCRIPTION', `The subscription is not valid: ${why}`, { hint })
}

export function wrongOption(option: string, why: string, hint: string): BingoError {
  return new BingoError('BINGO_BROKER_OPTION', `The option "${option}" of the broker is not valid: ${why}`, { hint })
}

/** For who waits for handlers of which another process ran the one that failed. */
export function handlerFailed(id: string, error: string | null): BingoError {
  return new BingoError(
    'BINGO_BROKER_HANDLER',
    `A handler of the event "${id}" failed: ${error ?? 'see its dead letter'}`,
  )
}

export function cancelled(id: string): BingoError {
  return new BingoError('BINGO_BROKER_CANCELLED', `The event "${id}" was cancelled: no handler sees it`)
}
