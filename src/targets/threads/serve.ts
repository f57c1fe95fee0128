import type { MessagePort } from 'node:worker_threads'
import { carryError } from './carried-error.ts'
import type { Call, CallAnswer, Calls, Serve } from './messages.ts'

const NOTHING = Buffer.alloc(0)

/**
 * Makes the calls that come in, side by side, and answers what ended in a turn of the event loop with one message. A client
 * that could not be opened is opened again for the next call.
 */
export function serveCalls(port: Pick<MessagePort, 'on' | 'postMessage'>, open: () => Promise<Serve>): void {
  let client: Promise<Serve> | null = null
  const opened = (): Promise<Serve> => {
    client ??= open().catch((error: unknown) => {
      client = null
      throw error
    })
    return client
  }
  const running = new Map<number, AbortController>()
  let answers: CallAnswer[] = []
  const answer = (one: CallAnswer): void => {
    // Nobody waits any more for what was given up.
    if (!running.delete(one.id)) return
    answers.push(one)
    if (answers.length > 1) return
    setImmediate(() => {
      port.postMessage(answers)
      answers = []
    })
  }
  const serve = async ({ id, request, from, to }: Call, bytes: ArrayBuffer | null): Promise<void> => {
    const given = new AbortController()
    running.set(id, given)
    try {
      const body = bytes === null ? NOTHING : Buffer.from(bytes, from, to - from)
      const call = await opened()
      answer({ id, answer: await call(request, body, given.signal) })
    } catch (error) {
      answer({ id, error: carryError(error) })
    }
  }
  port.on('message', ({ calls, bytes, aborted }: Calls) => {
    for (const call of calls) void serve(call, bytes)
    for (const id of aborted) {
      running.get(id)?.abort(new Error('given up'))
      running.delete(id)
    }
  })
}
