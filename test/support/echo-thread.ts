import { parentPort } from 'node:worker_threads'
import { serveCalls } from '../../src/targets/threads/serve.ts'

/** A thread for test/integration/target-threads.test.ts: does what a call says. */
let refuses = true
serveCalls(parentPort!, async () => {
  // Opened by the first call, which fails; and by the next one.
  if (refuses) {
    refuses = false
    throw new Error('not open yet')
  }
  return async (request, body, signal) => {
    const { does } = request as { does: 'echo' | 'die' | 'wait' }
    if (does === 'die') process.exit(3)
    if (does === 'wait') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    return body.toString()
  }
})
