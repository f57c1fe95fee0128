import type { Lease } from './lease.ts'

/** A stored value with its version: 1 when it was first written, one more with each write. */
export interface Versioned {
  readonly value: string
  readonly version: number
}

/**
 * Small values by key that survive a restart: checkpoints, saga state, projections. Every write names the version that it
 * replaces, so that of two writers one learns that it came too late (fencing).
 */
export interface StateStore {
  /** Printable, no secrets. */
  readonly description: string
  /** Null when there never was a value. */
  load(key: string): Promise<Versioned | null>
  /**
   * Writes where the stored version is `ifVersion` (null: where nothing is stored) and resolves when it is durable. False:
   * another version is stored. A repeated call, after an answer that was lost, answers true like the first one.
   * Rejects with BINGO_STATE_UNREACHABLE (then it may have been written), …_CORRUPT, …_NEWER or …_INVALID.
   */
  save(key: string, value: string, ifVersion: number | null): Promise<boolean>
  /** The lease of this name beside the values. Each call is another holder. Closing the store does not release it. */
  lease(name: string, ttlMs: number): Lease
  close(): Promise<void>
}
