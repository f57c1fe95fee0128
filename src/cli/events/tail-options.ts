import type { GlobalOptions } from '../context.ts'

/** Options of `bingo tail`, which reads a server, a broker or files. */
export interface TailOptions extends GlobalOptions {
  readonly source?: string
  readonly from?: string
  readonly tables: readonly string[]
  readonly limit?: number
  readonly untilIdle?: number
  readonly format: 'json' | 'cloudevents'
  readonly ddl?: boolean
  readonly file?: readonly string[]
  readonly schema?: string
  readonly events?: boolean
}
