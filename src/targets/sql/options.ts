import type { TlsFiles } from '../tls-files.ts'

export interface SqlActionOptions {
  readonly statement: string
}

export interface SqlTargetOptions {
  /** Milliseconds; Infinity: for ever. */
  readonly maxConnectionAgeMs: number
  readonly url: string
  readonly connections: number
  readonly tls: TlsFiles | null
}

export type SqlParam = string | number | null

/** Values for the statement's placeholders. */
export type SqlPayload = readonly SqlParam[]
