import { parentPort, workerData } from 'node:worker_threads'
import { Random } from '../support/random-tables.ts'
import { SUBJECTS } from './subjects/all.ts'

/** What a thread is told: cases `first`, `first + 1`, … of one subject, until it is ended. */
export interface WorkerOrder {
  readonly subject: string
  readonly seed: number
  readonly first: number
  readonly cases: number
  /** For files; whoever gave the order removes it. */
  readonly folder: string
  /** [number of the case at hand] for the watcher. */
  readonly progress: SharedArrayBuffer
}

/** Largest buffer that one case may ask for: no input is larger than 1 MiB. */
const MOST_BUFFER_BYTES = 256 * 1024 * 1024

const { subject: name, seed, first, cases, folder, progress } = workerData as WorkerOrder
const counter = new Int32Array(progress)
const subject = SUBJECTS.find((each) => each.name === name)!
const canary = globalThis as { bingoCanary?: unknown }
watchAllocations()
for (let number = first; number < first + cases; number++) {
  Atomics.store(counter, 0, number)
  try {
    await subject.attempt(new Random(seed * 1_000_003 + number), folder)
    if (canary.bingoCanary !== undefined) throw new Error('something of the input was executed')
  } catch (error) {
    parentPort!.postMessage({ number, what: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    break
  }
}
parentPort!.close()

function watchAllocations(): void {
  for (const method of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[method].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer
    Buffer[method] = ((size: number, ...rest: unknown[]) => {
      if (size > MOST_BUFFER_BYTES) throw new Error(`a buffer of ${size} bytes was asked for`)
      return original(size, ...rest)
    }) as never
  }
}
