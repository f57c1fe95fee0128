import { randomUUID } from 'node:crypto'
import { BingoError } from '../../model/errors.ts'

/** A lease whose owner was killed is free again after this long. */
export const LEASE_MS = 10_000

/** Where a lease is kept. */
export interface LeaseKeeper {
  /** Takes it, or prolongs it for its owner, for LEASE_MS; false when someone else has it. */
  take(owner: string): Promise<boolean>
  drop(owner: string): Promise<void>
}

/** Takes the lease and prolongs it until it is disposed of. Throws BINGO_DEAD_LETTERS_BUSY, naming the store. */
export async function holdLease(keeper: LeaseKeeper, store: string): Promise<AsyncDisposable> {
  const owner = randomUUID()
  if (!(await keeper.take(owner))) {
    throw new BingoError('BINGO_DEAD_LETTERS_BUSY', `another process is retrying the dead letters in ${store}`, {
      hint: `Wait until it is done. One that was killed is forgotten after ${LEASE_MS / 1000} seconds.`,
      retryable: true,
    })
  }
  // A renewal that fails is tried again with the next one; two may fail before the lease is lost.
  const renewing = setInterval(() => void keeper.take(owner).catch(() => false), LEASE_MS / 3).unref()
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(renewing)
      await keeper.drop(owner).catch(() => undefined)
    },
  }
}
