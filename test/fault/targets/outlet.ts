import type { TcpProxy } from '../../support/tcp-proxy.ts'
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
  /** Where its server listens; null where there is none. */
  readonly port: number | null
  /** The server goes away (`kill`) or hangs (`stall`); for a file its disk is full. `pid`: of the daemon that writes to it. */
  breakDown(how: Breakdown, pid: number): Promise<void>
  recover(how: Breakdown, pid: number): Promise<void>
  arrivals(): Promise<Arrival[]>
}

/**
 * kill: as kill -9 does. stall: connections stay, but nothing is read or answered (SIGSTOP). half-open: the line swallows
 * everything; later only new connections pass, and those of before are never closed.
 */
export type Breakdown = 'kill' | 'stall' | 'half-open'

/** A server that can be broken, as the test support starts them. */
interface Server {
  readonly port: number
  kill(signal: NodeJS.Signals): Promise<void>
  restart(): Promise<void>
}

/** The part of an outlet that is the same for every server of ours. */
export function breakable(server: Server): Pick<Outlet, 'port' | 'breakDown' | 'recover'> {
  return {
    port: server.port,
    breakDown: (how) => server.kill(how === 'kill' ? 'SIGKILL' : 'SIGSTOP'),
    recover: (how) => (how === 'kill' ? server.restart() : server.kill('SIGCONT')),
  }
}

/** Starts an outlet with its server; `line`: what BinGo will reach it through, for a server that tells its own address. */
export type StartOutlet = (line?: TcpProxy) => Promise<Outlet>

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
