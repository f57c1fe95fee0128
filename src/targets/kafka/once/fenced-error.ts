import { BingoError } from '../../../model/errors.ts'

/** A later run of this instance sends. */
export class FencedError extends BingoError {
  constructor(held: number, own: number) {
    super(
      'BINGO_KAFKA_FENCED',
      `run ${held} of this instance has taken over from run ${own}: nothing is sent any more`,
      {
        hint: 'Run one instance per name; the later one goes on where this one ended.',
      },
    )
  }
}
