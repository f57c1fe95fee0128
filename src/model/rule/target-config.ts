/** An address with its credentials and limits. Equal `id` = same connection. */
export interface TargetConfig {
  /** Printed in logs and metrics: no secrets. `targets:` name, or type + address. */
  readonly id: string
  readonly type: string
  readonly options: unknown
  /** A digest of what `targets:` says of it, as written, secrets unresolved; absent: it is not named there. */
  readonly version?: string
  /** What `targets:` says of its spool; absent: as the configuration has it for all. */
  readonly spool?: SpoolLimits
  /** Sends per second of all that goes there, as `targets:` says; absent: no limit. */
  readonly ratePerSecond?: number | undefined
  /**
   * It takes lines, by one send at a time, which it takes whole or not at all: everything that goes there is one lane, in
   * the order of the commits, and rows that follow one another may come as one payload, a line each (RowRun).
   */
  readonly takesLines?: true
}

/** When a target that is down begins to spool, and how much it may. */
export interface SpoolLimits {
  readonly afterMs?: number
  readonly maxBytes?: number
}
