import type { Clock } from '../../../model/clock.ts'
import { BingoError } from '../../../model/errors.ts'

/** What a watchdog looks at. */
export interface Watched {
  readonly bytesRead: number
  readonly standsStill: boolean
  close(reason: BingoError): void
}

/** Heartbeats that may be missed. */
const MISSED = 3

/**
 * Drops a connection that has been silent for longer than three heartbeats: the peer is gone and nothing on the way
 * said so. Any byte counts as a sign of life; while reading stands still on our account, silence says nothing.
 * Runs until aborted. `onAlive` is called after each look that found new bytes.
 */
export async function watch(
  watched: Watched,
  heartbeatMs: number,
  clock: Clock,
  onAlive: () => void,
  signal: AbortSignal,
): Promise<void> {
  const intervalMs = Math.min(1_000, heartbeatMs / 2)
  let bytes = -1
  let aliveAt = clock.monotonicMs()
  let lookedAt = aliveAt
  while (!signal.aborted) {
    const now = clock.monotonicMs()
    // A late look means that this process was stopped or busy: the bytes may lie unread in the kernel.
    const wasAway = now - lookedAt > 2 * intervalMs + 1_000
    lookedAt = now
    const fresh = watched.bytesRead !== bytes
    if (fresh) onAlive()
    if (fresh || wasAway || watched.standsStill) aliveAt = now
    bytes = watched.bytesRead
    if (now - aliveAt > MISSED * heartbeatMs) {
      watched.close(silent(now - aliveAt))
      return
    }
    await clock.sleep(intervalMs, signal).catch(() => undefined)
  }
}

function silent(ms: number): BingoError {
  return new BingoError('BINGO_SOURCE_SILENT', `Heartbeat timeout: no data from the server for ${Math.round(ms)} ms`, {
    hint: 'Check the network and the server: the connection is half-open. BinGo reconnects and resumes.',
    retryable: true,
  })
}
