import { systemClock, type Clock } from './clock.ts'

/** The time was up; what became of the work is not known. */
export class DeadlineError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`)
    this.name = 'DeadlineError'
  }
}

/** What `work` resolves to, or a rejection with DeadlineError after `ms`. The work itself goes on: discard what it runs on. */
export async function withDeadline<T>(
  work: Promise<T>,
  ms: number,
  clock: Pick<Clock, 'after'> = systemClock,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = clock.after(ms, () => reject(new DeadlineError(ms)))
  try {
    return await Promise.race([work, promise])
  } finally {
    timer.cancel()
  }
}
