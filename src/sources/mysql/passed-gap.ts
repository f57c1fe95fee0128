import type { BingoError } from '../../model/errors.ts'
import { GapError, type Gap } from '../../model/event/gap.ts'
import type { SourcePosition } from '../../model/source/position.ts'

/** The record of a gap that is about to be passed; where reading goes on is not known yet. */
export type PassedGap = Omit<Gap, 'to'>

export function passedGap(
  error: BingoError,
  onGap: Gap['onGap'],
  from: SourcePosition | null,
  nowMs: number,
): PassedGap {
  return {
    id: `gap-${nowMs}`,
    at: nowMs,
    code: error.code,
    reason: error.message,
    missing: error instanceof GapError ? error.missing : null,
    onGap,
    from: from && plain(from),
    announced: false,
  }
}

/** A reader's position computes its GTID set when asked; a record holds the text. */
export function plain({ flavour, file, offset, gtidSet }: SourcePosition): SourcePosition {
  return { flavour, file, offset, gtidSet }
}
