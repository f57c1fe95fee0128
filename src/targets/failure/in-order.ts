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

/** Sends jobs of different rows side by side; answers one failure or null for each. */
export type SendRound = (round: readonly Sendable[]) => Promise<readonly (DeliveryFailure | null)[]>

/**
 * Sends the first jobs of all rows, then the second ones, and so on: were two of a row in flight together, the first could
 * be refused and the second taken, and the receiver, or a stream that drops repetitions by id, would end with the older
 * state (invariant 2). What is behind a failure is not sent, and a target that is down ends it. One failure or null per job.
 */
export async function sendInRounds(
  jobs: readonly Sendable[],
  send: SendRound,
): Promise<readonly (DeliveryFailure | null)[]> {
  const rounds = roundsOf(jobs)
  if (rounds.length === 1) return send(jobs)
  const results = Array.from<DeliveryFailure | null>({ length: jobs.length }).fill(null)
  const failedRows = new Set<string>()
  let down: DeliveryFailure | null = null
  for (const round of rounds) {
    const open: number[] = []
    for (const place of round) {
      if (down === null && !failedRows.has(jobs[place]!.key)) open.push(place)
      else results[place] = down ?? BEHIND
    }
    if (open.length === 0) continue
    const sent = await send(open.map((place) => jobs[place]!))
    for (const [i, place] of open.entries()) {
      const failure = sent[i]!
      results[place] = failure
      if (failure?.kind === 'down') down ??= failure
      else if (failure !== null) failedRows.add(jobs[place]!.key)
    }
  }
  return results
}

/** Places of the first jobs of all rows, of the second ones … */
function roundsOf(jobs: readonly Sendable[]): readonly (readonly number[])[] {
  const countOfRow = new Map<string, number>()
  const rounds: number[][] = []
  for (const [place, { key }] of jobs.entries()) {
    const before = countOfRow.get(key) ?? 0
    countOfRow.set(key, before + 1)
    const round = (rounds[before] ??= [])
    round.push(place)
  }
  return rounds
}
