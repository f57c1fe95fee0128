import type { Arrival } from '../checker.ts'
import { WRITER_TABLES } from '../writer-tables.ts'

/** A target that remembers what it got, in order. */
export interface Recorder extends AsyncDisposable {
  /** Rules that send every change of the writer's tables there. */
  readonly rules: string
  /** Settings of the daemon that go with them. */
  readonly env: Readonly<Record<string, string>>
  /** Everything so far; the same array, grown, at every call. */
  arrivals(): Promise<readonly Arrival[]>
}

/** What a recording rule sends of a change of the writer's tables. */
export interface Note {
  readonly key: string
  readonly seq: string | number
  readonly op: string
  readonly by?: string
  readonly id: string
}

/** A note as a structure in YAML, for actions that send one. */
export const NOTE = '{key: "{{table}}:{{uid}}", seq: "{{seq}}", op: "{{event.op}}", id: "{{event.id}}"}'

/** Rules that send every change of the writer's tables by one action. */
export function recordingRules(action: string): string {
  return `rules:
  - id: arrivals
    table: [${WRITER_TABLES.join(', ')}]
    actions:
      - ${action}
`
}

/** A DELETE shows the number that the row had, and counts as one more change. */
export function arrivalOf({ key, seq, op, id, by }: Note): Arrival {
  return { key, seq: Number(seq) + (op === 'delete' ? 1 : 0), id, op, ...(by !== undefined && { by }) }
}
