import { BingoError } from '../../model/errors.ts'

/**
 * Numbers of the entries of a share have no gaps: where one is missing, something has removed what nobody had read
 * (invariant 8). Throws BINGO_SCALE_RECORDS_LOST. A server that took over may go on with lower ones.
 */
export function requireAll(
  log: string,
  share: number,
  after: number | null,
  entries: readonly { readonly number: number }[],
): void {
  let last = after
  for (const { number } of entries) {
    if (last !== null && number > last + 1) throw lost(log, share, last, number)
    last = number
  }
}

function lost(log: string, share: number, last: number, next: number): BingoError {
  return recordsLost(log, share, `${next} follows ${last}`)
}

/** Something removed what nobody had read, or put the log back to what it was before. */
export function recordsLost(log: string, share: number, why: string): BingoError {
  const message = `the log of changes ${log} has lost records of share ${share}: ${why}`
  return new BingoError('BINGO_SCALE_RECORDS_LOST', message, {
    hint: 'Find what removed them (somebody who deleted the log, a limit of it, a restored backup). To continue behind them: stop reader and workers, delete the log, refill what depends on these records, run one process without scale.through until it has caught up, and start the others again.',
  })
}
