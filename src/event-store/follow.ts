import type { Clock } from '../model/clock.ts'
import { wholeNumber } from './arguments.ts'
import type { Bell } from './bell.ts'
import type { EventFilter, RecordedEvent, SubscribeOptions } from './contract.ts'

const POLL_MS = 100

/** Where a subscription finds its events. */
export interface Followed {
  readAll(from: bigint, filter: EventFilter): AsyncIterable<RecordedEvent>
  settled(after: bigint): Promise<bigint>
  readonly appended: Bell
  readonly closing: AbortSignal
  readonly clock: Clock
}

/**
 * Yields events behind `from`, and waits for more. Catching up and following are the same reading: there is no hand-over at
 * which one could be missed or come twice.
 */
export async function* follow(
  store: Followed,
  options: SubscribeOptions & { readonly from: bigint },
): AsyncIterable<RecordedEvent> {
  const pollMs = wholeNumber('pollMs', options.pollMs, POLL_MS, 1)
  const { types, pattern } = options
  const signal = options.signal === undefined ? store.closing : AbortSignal.any([store.closing, options.signal])
  const listener = store.appended.listen(store.clock)
  const onAbort = (): void => listener.wake()
  signal.addEventListener('abort', onAbort, { once: true })
  let { from } = options
  let caughtUp = false
  try {
    while (!signal.aborted) {
      // What is there now; where none of it is wanted, it need not be looked through again.
      const end = await store.settled(from)
      const events = end > from ? store.readAll(from, { types, pattern }) : []
      for await (const event of events) {
        if (signal.aborted) return
        from = event.globalPosition
        yield event
        if (signal.aborted) return
      }
      if (end > from) from = end
      if (!caughtUp) options.onCaughtUp?.()
      caughtUp = true
      options.onIdle?.()
      if (!signal.aborted) await listener.wait(pollMs)
    }
  } catch (error) {
    // What was being read when the store was closed.
    if (!store.closing.aborted) throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    listener.stop()
  }
}
