import { count, mapOf, oneOf, orNull, text } from '../json/shape.ts'
import { type Flavour, FLAVOURS } from '../table/table.ts'

/** A boundary between transactions in the binlog; never a place inside one. */
export interface SourcePosition {
  readonly flavour: Flavour
  readonly file: string
  readonly offset: number
  /** Executed GTID set (MySQL) or GTID position (MariaDB) as text; null where the server has no GTIDs. */
  readonly gtidSet: string | null
}

export const POSITION = mapOf({ flavour: oneOf(...FLAVOURS), file: text, offset: count, gtidSet: orNull(text) })

/** Where a first start begins. */
export type StartPoint =
  | { readonly tag: 'latest' }
  | { readonly tag: 'earliest' }
  | { readonly tag: 'file'; readonly file: string; readonly offset: number }
  | { readonly tag: 'gtid'; readonly gtidSet: string }

/** What tells one server's binlogs from another's (a file name and offset alone do not). */
export interface ServerFingerprint {
  readonly flavour: Flavour
  /** `@@server_uuid` (MySQL) or `server_id:hostname`-like identity (MariaDB has no UUID). */
  readonly server: string
  /** Creation time in the FORMAT_DESCRIPTION event of the position's file, seconds since 1970; 0 when not known. */
  readonly fileCreated: number
}

export const FINGERPRINT = mapOf({ flavour: oneOf(...FLAVOURS), server: text, fileCreated: count })

/** The number at the end of a binlog's name; -1 where there is none. */
export function sequenceOf(file: string): number {
  const digits = /\.(\d+)$/.exec(file)
  return digits ? Number(digits[1]) : -1
}
