import type { ExpectedVersion } from './contract.ts'

/** An event as it is stored; `payload` is JSON, `timestamp` ISO 8601. */
export interface EventRow {
  readonly id: string
  readonly type: string
  readonly source: string | null
  readonly timestamp: string
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly userId: string | null
  readonly payload: string
}

export interface StoredRow extends EventRow {
  readonly stream: string
  readonly version: number
  readonly position: bigint
}

export interface AppendRequest {
  readonly stream: string
  readonly events: readonly EventRow[]
  readonly expected: ExpectedVersion
  /** Some ids come from the caller, so they may be there already. */
  readonly ownIds: boolean
}

/**
 * `appended`: version and position of the last event. `conflict`: nothing was stored, the stream has this version. `taken`:
 * nothing was stored; these are the stored rows with an id of the request.
 */
export type AppendAnswer =
  | { readonly tag: 'appended'; readonly version: number; readonly position: bigint }
  | { readonly tag: 'conflict'; readonly actual: number }
  | { readonly tag: 'taken'; readonly rows: readonly StoredRow[] }

export interface StreamPage {
  readonly from: number
  readonly to: number
  readonly max: number
  readonly backwards: boolean
}

export interface AllPage {
  readonly after: bigint
  /** Not behind this place. */
  readonly upTo: bigint
  readonly max: number
  readonly types: readonly string[] | undefined
  readonly since: string | undefined
  readonly until: string | undefined
}

export interface SnapshotRow {
  readonly version: number
  readonly schemaVersion: number
  readonly state: string
  readonly createdAt: string
}

export interface SummaryRow {
  readonly stream: string
  readonly version: number
  readonly first: string
  readonly last: string
}

/** Where streams are kept: one per database. Rejects with BingoError. */
export interface StreamStorage {
  append(request: AppendRequest): Promise<AppendAnswer>
  /** 0: there is no such stream. */
  version(stream: string): Promise<number>
  readStream(stream: string, page: StreamPage): Promise<readonly StoredRow[]>
  /**
   * A place behind `after` (or `after` itself) up to which nothing can appear any more: every transaction that could
   * still commit an event there has ended.
   */
  settled(after: bigint): Promise<bigint>
  /**
   * The newest position, at a moment at which nobody has appended what is not committed; null where there is no such moment
   * soon. Everything that is appended later has a greater one.
   */
  quietEnd(): Promise<bigint | null>
  readAll(page: AllPage): Promise<readonly StoredRow[]>
  streams(prefix: string, after: string, max: number): Promise<readonly SummaryRow[]>
  saveSnapshot(stream: string, snapshot: SnapshotRow): Promise<void>
  readSnapshot(stream: string, schemaVersion: number, maxVersion: number): Promise<SnapshotRow | null>
  close(): Promise<void>
}

/** Whether a stream of this version is what an append expects. */
export function fits(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case 'any':
      return true
    case 'no-stream':
      return actual === 0
    case 'stream-exists':
      return actual > 0
    default:
      return actual === expected
  }
}
