/** For connections that say goodbye by themselves. Everything else was waited for; lines of the log are written at once. */
const GRACE_MS = 250

/**
 * The work is over and the exit code is known. What a client library has left open, say the socket of a peer that died
 * without a word, must not keep the process: whoever restarts it would wait for ever.
 */
export function exitDespiteLeftovers(): void {
  setTimeout(() => process.exit(), GRACE_MS).unref()
}
