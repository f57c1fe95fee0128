import { BingoError } from '../../../model/errors.ts'

/** Text that is neither a MySQL GTID set nor a MariaDB GTID position. */
export function invalidGtid(text: string, why: string): BingoError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return new BingoError('BINGO_GTID_INVALID', `"${shown}" is not a valid GTID set: ${why}`, {
    hint: 'Write for MySQL 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-42, for MariaDB 0-1-42; separate several by commas.',
  })
}
