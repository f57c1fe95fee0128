/** One number per source, comparable within one run of the daemon only. */
export type ReplayMark = readonly number[]

/**
 * Tells which events a restart could still bring again: those of transactions behind the stored checkpoint.
 */
export interface ReplayWindow {
  /** A mark behind every transaction of which something was acted on so far. */
  mark(): ReplayMark
  /** Whether the stored checkpoint has passed the mark: nothing before it comes again. */
  passed(mark: ReplayMark): boolean
  /** Whether everything that the server has was read. */
  readonly caughtUp: boolean
}

/** Who sends, for targets that make sure that an effect happens once. */
export interface DeliveryRun {
  /** Instance name. */
  readonly name: string
  /** Grows with every run of the daemon; null for a retry of dead letters, which may happen beside it. */
  readonly epoch: number | null
  /** Null for a retry of dead letters. */
  readonly window: ReplayWindow | null
}
