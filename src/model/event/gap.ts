import { BingoError } from '../errors.ts'
import type { SourcePosition } from '../source/position.ts'

/** Changes that were never acted on, knowingly: `source.onGap` let reading go on behind them. Kept with the checkpoint. */
export interface Gap {
  /** Stable over restarts; part of the id of the event that tells of it. */
  readonly id: string
  /** When it was found, milliseconds since 1970. */
  readonly at: number
  /** What the server said. */
  readonly code: string
  readonly reason: string
  /** GTIDs or binlog files that are gone, as far as it can be told. */
  readonly missing: string | null
  readonly onGap: 'earliest' | 'latest'
  /** Where reading had come to, and where it went on. */
  readonly from: SourcePosition | null
  readonly to: SourcePosition
  /** The GAP event was delivered, or no rule listens to it. */
  readonly announced: boolean
}

/** All gaps of an instance. */
export interface GapLog {
  readonly total: number
  /** The newest, oldest of them first. */
  readonly recent: readonly Gap[]
}

export const NO_GAPS: GapLog = { total: 0, recent: [] }
const KEPT = 20

export function withGap({ total, recent }: GapLog, gap: Gap): GapLog {
  return { total: total + 1, recent: [...recent, gap].slice(-KEPT) }
}

export function withAllAnnounced({ total, recent }: GapLog): GapLog {
  return { total, recent: recent.map((gap) => ({ ...gap, announced: true })) }
}

/** The server cannot go on from our position, because changes are gone for good or were never there. */
export class GapError extends BingoError {
  readonly missing: string | null

  constructor(
    code: string,
    message: string,
    options: { readonly missing: string | null; readonly hint: string; readonly cause?: unknown },
  ) {
    super(code, message, options)
    this.missing = options.missing
  }
}
