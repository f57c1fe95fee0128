import { BingoError } from '../../../../model/errors.ts'

/** No string can be longer than 2^29 - 24 characters; base64 takes four for three bytes. */
export const LONGEST_VALUE_BYTES = 0x1800_0000 - 18

/** A value beyond `LONGEST_VALUE_BYTES`. Skipping over it is no problem. */
export function valueTooLarge(column: string, bytes: number): BingoError {
  return new BingoError('BINGO_VALUE_TOO_LARGE', `${column} holds ${bytes} bytes in one value`, {
    hint: `List the columns that the rule needs instead of the whole row: BinGo reads values of at most ${LONGEST_VALUE_BYTES} bytes.`,
  })
}
