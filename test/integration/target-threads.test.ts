import { describe, expect, test } from 'vitest'
import { codeOf } from '../../src/targets/failure/error-text.ts'
import { classifyThrown } from '../../src/targets/failure/classify.ts'
import { Threads } from '../../src/targets/threads/threads.ts'

const ENTRY = new URL('../support/echo-thread.ts', import.meta.url)
const { signal } = new AbortController()

interface Opened extends AsyncDisposable {
  call(does: 'echo' | 'die' | 'wait', body?: string, until?: AbortSignal): Promise<unknown>
}

/** Threads whose clients are open: the first call of each fails. */
async function open(threads: number, concurrency = 8): Promise<Opened> {
  const made = new Threads('webhook', { threads, concurrency }, ENTRY)
  const call: Opened['call'] = (does, body = '', until = signal) => made.call({ does }, Buffer.from(body), until)
  const first = await Promise.allSettled(Array.from({ length: threads }, () => call('echo')))
  expect(first.map((each) => each.status === 'rejected' && (each.reason as Error).message)).toEqual(
    Array.from({ length: threads }, () => 'not open yet'),
  )
  return { call, [Symbol.asyncDispose]: () => made.close() }
}

describe('threads of a target', () => {
  test('answer each call with what belongs to it, whatever goes in one message', async () => {
    await using threads = await open(2)
    const bodies = Array.from({ length: 500 }, (_, i) => 'é'.repeat(i % 7) + i)
    expect(await Promise.all(bodies.map((body) => threads.call('echo', body)))).toEqual(bodies)
  })

  test('a thread that ends takes its calls along as a lost connection would, and the next call starts another', async () => {
    await using threads = await open(1)
    const waiting = threads.call('wait')
    const [lost, died] = await Promise.allSettled([waiting, threads.call('die')])
    for (const each of [lost, died]) {
      const { reason } = each as PromiseRejectedResult
      expect(classifyThrown(reason)).toBe('down')
      expect(codeOf(reason)).toBe('ERR_SOCKET_THREAD')
    }
    await expect(threads.call('echo', 'x')).rejects.toThrow('not open yet')
    expect(await threads.call('echo', 'again')).toBe('again')
  })

  test('a call that is given up ends at once, and the others go on', async () => {
    await using threads = await open(1)
    const given = new AbortController()
    const waiting = threads.call('wait', '', given.signal)
    const other = threads.call('echo', 'other')
    given.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(await other).toBe('other')
    await expect(threads.call('echo', '', given.signal)).rejects.toThrow('enough')
    expect(await threads.call('echo', 'later')).toBe('later')
  })

  test('closing ends what is still in flight', async () => {
    const threads = await open(2)
    const waiting = threads.call('wait')
    await Promise.all([expect(waiting).rejects.toThrow('thread has ended'), threads[Symbol.asyncDispose]()])
  })

  test('closing before the first call has left starts no thread, nor does a call afterwards', async () => {
    const threads = new Threads('webhook', { threads: 1, concurrency: 1 }, ENTRY)
    const call = threads.call({ does: 'echo' }, null, signal)
    await Promise.all([expect(call).rejects.toThrow('thread has ended'), threads.close()])
    await expect(threads.call({ does: 'echo' }, null, signal)).rejects.toThrow('thread has ended')
    // What was to be sent with the turn would have been by then.
    await new Promise((resolve) => setImmediate(resolve))
    expect(process.getActiveResourcesInfo()).not.toContain('MessagePort')
  })

  test('there are never more of them than calls in flight', async () => {
    await using threads = await open(1, 1)
    expect(await threads.call('echo', 'one')).toBe('one')
    const made = new Threads('webhook', { threads: 16, concurrency: 1 }, ENTRY)
    await expect(made.call({ does: 'echo' }, null, signal)).rejects.toThrow('not open yet')
    expect(await made.call({ does: 'echo' }, null, signal)).toBe('')
    await made.close()
  })
})
