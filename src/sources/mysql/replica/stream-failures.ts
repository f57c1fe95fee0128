import { BingoError } from '../../../model/errors.ts'

export function packetsLost(): BingoError {
  return new BingoError('BINGO_SOURCE_PACKETS_LOST', 'A packet of the replication stream is missing', {
    hint: 'Check proxies between BinGo and the server: something drops data inside a connection. BinGo reconnects and resumes.',
    retryable: true,
  })
}

export function endlessEvent(): BingoError {
  return new BingoError('BINGO_BINLOG_CORRUPT', 'An event exceeds the maximum size', {
    hint: 'Check that source.url points to a MySQL server and that no proxy changes its data. BinGo reconnects and resumes.',
    retryable: true,
  })
}

export function endOfDump(): BingoError {
  return new BingoError('BINGO_SOURCE_CONNECTION_LOST', 'The server closed the replication stream', { retryable: true })
}
