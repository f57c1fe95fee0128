import type { DeliveryFailure, Sendable, SendResult } from '../../model/rule/action.ts'
import { deliveryFailure } from './failure.ts'

/** For an event that was not sent because it would have overtaken one of its row that failed. */
export const BEHIND = deliveryFailure(
  'unknown',
  'BINGO_BEHIND_FAILURE',
  'not sent: an earlier event of this row failed',
)

/** For what was not sent because another instance may have taken over; tried again once it is known who leads. */
export const WITHHELD = deliveryFailure(
  'down',
  'BINGO_LEASE_UNCONFIRMED',
  'not sent: another instance may hold the lease',
)

/**
 * Sends jobs one after the other, as long as `mayDeliver` agrees. A target that is down ends it; a failure of one event holds back the later events of
 * its row, which must not overtake it (invariant 2), and nothing else.
 */
export async function sendInOrder(
  jobs: readonly Sendable[],
  send: (job: Sendable) => Promise<DeliveryFailure | null>,
  mayDeliver: () => boolean = () => true,
): Promise<SendResult> {
  const failures: (DeliveryFailure | null)[] = []
  const failedRows = new Set<string>()
  let down: DeliveryFailure | null = null
  for (const job of jobs) {
    if (down === null && !mayDeliver()) down = WITHHELD
    if (down !== null) failures.push(down)
    else if (failedRows.size > 0 && failedRows.has(job.key)) failures.push(BEHIND)
    else {
      const failure = await send(job)
      failures.push(failure)
      if (failure?.kind === 'down') down = failure
      else if (failure !== null) failedRows.add(job.key)
    }
  }
  return failures.some((failure) => failure !== null) ? failures : undefined
}

/**
 * Sends jobs of different rows side by side, and those of a row one after the other: were they under way together, the
 * first could be refused and the second taken, and the receiver, or a stream that drops repetitions by id, would end
 * with the older state (invariant 2). What is behind a failure is not sent. One failure or null per job.
 */
export async function sendByRow(
  jobs: readonly Sendable[],
  send: (job: Sendable) => Promise<DeliveryFailure | null>,
): Promise<(DeliveryFailure | null)[]> {
  const latestOfRow = new Map<string, Promise<DeliveryFailure | null>>()
  const outcomes = jobs.map((job) => {
    const earlier = latestOfRow.get(job.key)
    const outcome = earlier === undefined ? send(job) : sendAfter(earlier, job, send)
    latestOfRow.set(job.key, outcome)
    return outcome
  })
  return Promise.all(outcomes)
}

async function sendAfter(
  earlier: Promise<DeliveryFailure | null>,
  job: Sendable,
  send: (job: Sendable) => Promise<DeliveryFailure | null>,
): Promise<DeliveryFailure | null> {
  const failure = await earlier
  if (failure === null) return send(job)
  return failure.kind === 'down' ? failure : BEHIND
}
