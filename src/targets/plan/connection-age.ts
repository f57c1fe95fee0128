import type { ActionSpec } from '../../model/rule/action.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'

/** Long enough to cost nothing, short enough for a name that has moved to be followed within a coffee break. */
const DEFAULT_MS = 5 * 60_000

/** `maxConnectionAge`, shared by every target that keeps connections. */
export const CONNECTION_AGE_FIELD: FieldSpec = {
  kind: 'duration',
  doc: 'Maximum age of a connection, so that DNS changes take effect. Default: 5m; 0: unlimited.',
}

/** Milliseconds; Infinity where connections are kept for ever. */
export function compileConnectionAge(spec: ActionSpec): number {
  const ms = spec.number('maxConnectionAge') ?? DEFAULT_MS
  return ms === 0 ? Infinity : ms
}

/** How old the connection of a target is. A name is looked up when a connection is made, and never again while it is busy. */
export class ConnectionAge {
  readonly #maxMs: number
  #since = performance.now()

  constructor(maxMs: number) {
    this.#maxMs = maxMs
  }

  /** Whether it is time for another one. */
  get isOver(): boolean {
    return performance.now() - this.#since >= this.#maxMs
  }

  /** Another one is made. */
  begin(): void {
    this.#since = performance.now()
  }
}
