import { BingoError } from '../../../model/errors.ts'

export function packetsLost(): BingoError {
  return new BingoError('BINGO_SOURCE_PACKETS_LOST', 'A packet of the stream is missing', {
    hint: 'Something between BinGo and the server drops data inside a connection (a proxy?). Reading goes on after the reconnect.',
    retryable: true,
  })
}

export function endlessEvent(): BingoError {
  return new BingoError('BINGO_BINLOG_CORRUPT', 'An event that is larger than any server sends', {
    hint: 'Is this a MySQL server, or does something on the way change what it sends? Reading goes on after the reconnect.',
    retryable: true,
  })
}

export function endOfDump(): BingoError {
  return new BingoError('BINGO_SOURCE_CONNECTION_LOST', 'The server ended the stream', { retryable: true })
}
