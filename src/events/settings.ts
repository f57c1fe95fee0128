/** What is taken in, and how much of it. */
export interface EventLimits {
  /** JSON of one event. */
  readonly eventBytes: number
  readonly requestBytes: number
  readonly depth: number
  /** Events of one request. */
  readonly batch: number
  /** Events per second and poster; null: no limit. */
  readonly ratePerSecond: number | null
  /** Events that rules made in a row. */
  readonly hops: number
}

/** Who may come in over HTTP, and what for. */
export interface HttpToken {
  readonly token: string
  /** For logs: who it is. */
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly environment: string
}

export const SCOPES = ['publish', 'read', 'operate', 'metrics'] as const
export type Scope = (typeof SCOPES)[number]
