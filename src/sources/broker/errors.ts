import { isCertificateRefused } from '../../clients/certificate-refused.ts'
import { BingoError } from '../../model/errors.ts'
import { GapError, type Gap } from '../../model/event/gap.ts'
import type { SourcePosition } from '../../model/source/position.ts'

export type OnGap = 'stop' | 'earliest' | 'latest'

export const CHECK_BROKER =
  'Check that the broker is up and reachable, and user, password and TLS of the source, with a client certificate where it asks for one.'
export const CHECK_LOGIN = 'Check user and password in the url of the source.'
const CHECK_CERTIFICATE =
  'Name a client certificate that the broker trusts in the url of the source: `?cert=FILE&key=FILE`.'
const CERTIFICATE_REFUSED = 'it does not accept the client certificate, or there is none'

/** An error that is no refusal of the login or of a right: of the client certificate, or of a broker that cannot be reached. */
export function connectionError(description: string, why: string, error: unknown, hint = CHECK_BROKER): BingoError {
  return isCertificateRefused(error)
    ? brokerRefused(description, CERTIFICATE_REFUSED, CHECK_CERTIFICATE, error)
    : brokerUnreachable(description, why, hint, error)
}

/** It is tried again: what an operator repairs meanwhile counts. */
export function brokerUnreachable(description: string, why: string, hint: string, cause?: unknown): BingoError {
  return new BingoError('BINGO_BROKER_UNREACHABLE', `The broker ${description} cannot be read: ${why}`, {
    hint,
    retryable: true,
    cause,
  })
}

/** The login, or a right: also repeated, because an administrator may grant it meanwhile. */
export function brokerRefused(description: string, why: string, hint: string, cause?: unknown): BingoError {
  return new BingoError('BINGO_BROKER_REFUSED', `The broker ${description} refuses access: ${why}`, {
    hint,
    retryable: true,
    cause,
  })
}

/** Nothing that time repairs. */
export function brokerUnfit(description: string, why: string, hint: string): BingoError {
  return new BingoError('BINGO_BROKER_UNFIT', `The broker ${description} cannot be read: ${why}`, { hint })
}

export interface FoundGap {
  readonly part: string
  /** The last record that was read; null: none of this part. */
  readonly from: string | null
  /** The first one that is still there, or where the part ends. */
  readonly first: string
  readonly reason: string
}

/** What was removed from a part before it was read. Throws GapError where nobody said how to go on. */
export function gapOf({ part, from, first, reason }: FoundGap, onGap: OnGap, at: number): Gap {
  const missing = from === null ? `before ${first}` : `${from} to ${first}`
  if (onGap === 'stop') {
    throw new GapError('BINGO_BROKER_GAP', `Records are gone that were never read: ${part}: ${reason}`, {
      missing,
      hint: 'Rebuild whatever depends on them, then set onGap of the source to earliest or latest, and restart.',
    })
  }
  return {
    id: `gap:${part}:${from ?? ''}:${first}`,
    at,
    code: 'BINGO_BROKER_GAP',
    reason,
    missing,
    onGap,
    from: from === null ? null : placeOf(part, from),
    to: placeOf(part, first),
    announced: false,
  }
}

/** The position of a part in the form that gaps of a binlog have. */
function placeOf(part: string, place: string): SourcePosition {
  const offset = Number(place)
  const isNumber = Number.isSafeInteger(offset)
  return { flavour: 'mysql', file: isNumber ? part : `${part}:${place}`, offset: isNumber ? offset : 0, gtidSet: null }
}
