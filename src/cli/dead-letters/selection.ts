import type { DeadLetterFilter } from '../../model/delivery/dead-letter.ts'
import type { GlobalOptions } from '../context.ts'

/** Which dead letters a command is about, and how. */
export interface SelectOptions extends GlobalOptions {
  readonly rule?: string
  readonly table?: string
  readonly code?: string
  readonly summary?: boolean
  readonly since?: number
  readonly until?: number
  readonly limit?: number
  readonly all?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
  /** RULE#ACTION */
  readonly by?: string
}

export function filterOf(ids: readonly string[], options: SelectOptions): DeadLetterFilter {
  const { rule, table, code, since, until, limit } = options
  return {
    ...(ids.length > 0 && { ids }),
    ...(rule !== undefined && { rule }),
    ...(table !== undefined && { table }),
    ...(code !== undefined && { code }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(limit !== undefined && { limit }),
  }
}
