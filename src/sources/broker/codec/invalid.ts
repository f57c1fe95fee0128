import { EvaluationError } from '../../../model/errors.ts'

/** A record that is not what its format says: a dead letter, with its bytes. */
export function invalidRecord(why: string, hint?: string): EvaluationError {
  return new EvaluationError('BINGO_RECORD_INVALID', why, { hint })
}
