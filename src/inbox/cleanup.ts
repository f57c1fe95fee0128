import type { Clock } from '../model/clock.ts'
import type { InboxCleanup } from './contract.ts'

const CLEANUP_EVERY_MS = 3_600_000

/** Forgets what is older than `keepMs`: now, and every so often until the signal is aborted. */
export function cleanRegularly(
  clock: Clock,
  { keepMs, everyMs = CLEANUP_EVERY_MS, signal, onError = () => undefined }: InboxCleanup,
  deleteBefore: (before: Date) => Promise<unknown>,
): void {
  const clean = (): void => {
    deleteBefore(new Date(clock.now() - keepMs)).catch(onError)
  }
  if (signal.aborted) return
  const timer = clock.every(everyMs, clean)
  signal.addEventListener('abort', () => timer.cancel(), { once: true })
  clean()
}
