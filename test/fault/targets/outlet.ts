import type { Arrival } from '../checker.ts'

/**
 * One kind of target with a server of its own that a run may kill. It keeps what arrived over kills, as far as the
 * target promises to: what it forgets counts as lost.
 */
export interface Outlet extends AsyncDisposable {
  readonly name: string
  /** `history`: every arrival is kept, in order. `state`: the newest one of each row. */
  readonly keeps: 'history' | 'state'
  /** The action as a YAML flow map; it carries the columns `id` and `seq` and the event's id. */
  readonly action: string
  /** Ends the server as kill -9 does; for a file, its disk is full from now on. `pid`: of the daemon that writes to it. */
  kill(pid: number): Promise<void>
  restart(pid: number): Promise<void>
  arrivals(): Promise<Arrival[]>
}

/** Starts an outlet with its server. */
export type StartOutlet = () => Promise<Outlet>

/** What the actions send, and how it reads in a rule. */
export interface Note {
  readonly key: string | number
  readonly seq: number | string
  readonly id: string
}

export const NOTE = '{key: "{{id}}", seq: "{{new.seq}}", id: "{{event.id}}"}'

export function arrivalOf(note: Note): Arrival {
  return { key: String(note.key), seq: Number(note.seq), id: note.id }
}

export function arrivalOfJson(text: string): Arrival {
  return arrivalOf(JSON.parse(text) as Note)
}
