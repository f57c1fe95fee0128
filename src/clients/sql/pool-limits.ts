import type { Socket } from 'node:net'

export const CONNECT_TIMEOUT_MS = 5_000
/** A server that says nothing for so long is taken for dead. */
const SILENT_MS = 30_000
/** Sooner: an idle connection is closed, not taken for dead. */
export const IDLE_MS = 15_000

/** Neither client has a limit for all of its statements, the end of a transaction included. */
export function endWhenSilent(stream: Socket): void {
  stream.setTimeout(SILENT_MS, () => stream.destroy(new Error(`the server did not answer for ${SILENT_MS / 1_000} s`)))
}
