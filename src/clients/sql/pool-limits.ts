import type { Socket } from 'node:net'

export const CONNECT_TIMEOUT_MS = 5_000
/** A server that says nothing for so long is taken for dead. */
const SILENT_MS = 30_000
/** Sooner: an idle connection is closed, not taken for dead. */
export const IDLE_MS = 15_000
/**
 * The server ends a connection that says nothing for so long, and its transaction: a process that is paused in the midst of
 * one would keep its locks, and all other instances from going on. Idle connections are closed sooner.
 */
export const PAUSED_SECONDS = 20

/** Neither client has a limit for all of its statements, the end of a transaction included. */
export function endWhenSilent(stream: Socket): void {
  stream.setTimeout(SILENT_MS, () => stream.destroy(new Error(`the server did not answer for ${SILENT_MS / 1_000} s`)))
}
