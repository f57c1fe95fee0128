import { systemClock, type Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Lease } from '../../model/state/lease.ts'

/** The right to retry is free again this long after its holder was killed. */
export const RETRY_LEASE_MS = 10_000

/** Takes the lease and renews it until it is disposed of. Rejects with BINGO_DEAD_LETTERS_BUSY, naming the store. */
export async function holdLease(
  lease: Lease,
  store: string,
  clock: Pick<Clock, 'every'> = systemClock,
): Promise<AsyncDisposable> {
  if ((await lease.ask()).tag === 'other') {
    throw new BingoError('BINGO_DEAD_LETTERS_BUSY', `another process is retrying the dead letters in ${store}`, {
      hint: `Wait until it has finished. If it was killed, its lock expires after ${RETRY_LEASE_MS / 1000} s.`,
      retryable: true,
    })
  }
  // A renewal that fails is tried again with the next one; two may fail before the lease is lost.
  const renewing = clock.every(RETRY_LEASE_MS / 3, () => void lease.ask().catch(() => undefined))
  return {
    [Symbol.asyncDispose]: async () => {
      renewing.cancel()
      await lease.release().catch(() => undefined)
    },
  }
}
