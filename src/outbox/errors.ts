import { isRefusal } from '../clients/sql/refusal.ts'
import { BingoError } from '../model/errors.ts'

export function idTaken(id: string): BingoError {
  return new BingoError('BINGO_OUTBOX_ID_TAKEN', `The outbox has an entry "${id}" already`, {
    hint: 'Give each entry an id of its own.',
  })
}

export function outboxUnreachable(outbox: string, cause: unknown): BingoError {
  if (cause instanceof BingoError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_OUTBOX_UNREACHABLE', `The outbox ${outbox} is unavailable: ${reason}`, {
    hint: 'Check that the database is up, that the table is there (`outbox.setup()`), and that the account may use it.',
    retryable: !isRefusal(cause),
    cause,
  })
}

export function noTransaction(reason: string): BingoError {
  return new BingoError('BINGO_OUTBOX_TRANSACTION', `The entry cannot be saved with this transaction: ${reason}`, {
    hint: 'Pass the connection or transaction on which the business data is written.',
  })
}
