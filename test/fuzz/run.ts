import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Finding } from './subject.ts'
import type { WorkerOrder } from './worker.ts'

export interface FuzzOptions {
  readonly subject: string
  readonly seed: number
  readonly cases: number
}

export interface FuzzRun {
  readonly cases: number
  readonly findings: readonly Finding[]
}

/** A case takes milliseconds; this long means that it hangs, also where others use the machine. */
const CASE_TIMEOUT_MS = 20_000
const HEAP_MB = 512
const MOST_FINDINGS = 10

/**
 * Hands `cases` inputs to a subject, in a thread of its own that is ended when a case hangs or fills the heap. The run
 * goes on behind a finding, up to ten.
 */
export async function runFuzz({ subject, seed, cases }: FuzzOptions): Promise<FuzzRun> {
  const folder = await mkdtemp(join(tmpdir(), 'bingo-fuzz-'))
  try {
    const findings: Finding[] = []
    let next = 0
    while (next < cases && findings.length < MOST_FINDINGS) {
      const finding = await runThread({ subject, seed, folder, first: next, cases: cases - next })
      if (finding === null) return { cases, findings }
      findings.push({ subject, seed, ...finding })
      next = finding.number + 1
    }
    return { cases: next, findings }
  } finally {
    await rm(folder, { recursive: true })
  }
}

type Found = Pick<Finding, 'number' | 'what'>

/** The first finding of a thread; null when all cases were fine. */
async function runThread(order: Omit<WorkerOrder, 'progress'>): Promise<Found | null> {
  const progress = new SharedArrayBuffer(4)
  const counter = new Int32Array(progress)
  counter[0] = order.first
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { ...order, progress } satisfies WorkerOrder,
    // Clients complain of garbled packets on the console.
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  worker.stderr.resume()
  let found: Found | null = null
  worker.on('message', (message: Found) => (found = message))
  worker.on('error', (error) => (found ??= { number: counter[0]!, what: String(error) }))
  let seen = -1
  const watch = setInterval(() => {
    if (counter[0] === seen) {
      found ??= { number: seen, what: `it took more than ${CASE_TIMEOUT_MS / 1_000} s` }
      void worker.terminate()
    }
    seen = counter[0]!
  }, CASE_TIMEOUT_MS)
  // Not `once` of node:events, which rejects when the thread ends with an error: that is a finding.
  const code = await new Promise<number>((resolve) => worker.once('exit', resolve))
  clearInterval(watch)
  if (found === null && code !== 0) found = { number: counter[0]!, what: `the thread ended with ${code}` }
  return found
}
