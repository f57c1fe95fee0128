/** For what ends by itself: connections that say goodbye, lines of the log that are still being written. */
const GRACE_MS = 2_000

/**
 * The work is over and the exit code is known. What a client library has left open, say the socket of a peer that died
 * without a word, must not keep the process: whoever restarts it would wait for ever.
 */
export function exitDespiteLeftovers(): void {
  setTimeout(() => process.exit(), GRACE_MS).unref()
}
