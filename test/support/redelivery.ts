import { setTimeout as delay } from 'node:timers/promises'
import type { Sendable, SendResult, Target } from '../../src/model/rule/action.ts'

const { signal } = new AbortController()

/**
 * Sends as the executor does: what failed goes again, together with what follows it on its row, until all of it is
 * acknowledged. Rejects with the last failures when that takes longer than `timeoutMs`. Answers how many sends it took.
 */
export async function sendUntilTaken(target: Target, jobs: readonly Sendable[], timeoutMs = 60_000): Promise<number> {
  const deadline = performance.now() + timeoutMs
  let open = jobs
  for (let sends = 1; ; sends++) {
    const result = await target.send(open, signal)
    if (result === undefined) return sends
    open = stillOpen(open, result)
    if (open.length === 0) return sends
    if (performance.now() > deadline) throw new Error(`still refused after ${sends} sends: ${summary(result)?.join()}`)
    await delay(20)
  }
}

/** `kind CODE` per job, null where it was taken. */
export function summary(result: SendResult): (string | null)[] | undefined {
  return result?.map((failure) => failure && `${failure.kind} ${failure.error.code}`)
}

function stillOpen(jobs: readonly Sendable[], result: NonNullable<SendResult>): Sendable[] {
  const rows = new Set<string>()
  return jobs.filter((job, i) => {
    const again = result[i] !== null || rows.has(job.key)
    if (again) rows.add(job.key)
    return again
  })
}
