import type { Clock, Timer } from '../../src/model/clock.ts'

interface Call {
  readonly atMs: number
  readonly order: number
  readonly fn: () => void
  readonly life: Life
  cancelled: boolean
}

/** One process: when it dies, nothing of it is called any more. While it is frozen (SIGSTOP), its calls wait. */
export class Life {
  alive = true
  frozen = false
}

/** Virtual time. Nothing passes but by `run`; whatever promises want to do is done before the next call is due. */
export class SimClock {
  private ms = 0
  /** What the wall clock was set by; monotonic time knows nothing of it. */
  wallOffsetMs = 1_700_000_000_000
  private order = 0
  private readonly calls: Call[] = []

  get monotonicMs(): number {
    return this.ms
  }

  /** The clock as one process sees it. */
  of(life: Life): Clock {
    const after = (ms: number, fn: () => void): Timer => this.add(ms, fn, life)
    return {
      now: () => Math.round(this.wallOffsetMs + this.ms),
      monotonicMs: () => this.ms,
      after,
      afterIdle: after,
      sleep: (ms, signal) => this.sleep(ms, life, signal),
      every: (ms, fn) => {
        let timer: Timer
        const again = (): void => {
          timer = after(ms, () => {
            again()
            fn()
          })
        }
        again()
        return { cancel: () => timer.cancel() }
      },
    }
  }

  /** Lets time pass until `done`, at most until `limitMs`. True when it was done. */
  async run(done: () => boolean, limitMs: number): Promise<boolean> {
    for (;;) {
      await settle()
      if (done()) return true
      const next = this.takeNext(limitMs)
      if (next === null) {
        this.ms = Math.max(this.ms, limitMs)
        return false
      }
      this.ms = Math.max(this.ms, next.atMs)
      next.fn()
    }
  }

  private add(ms: number, fn: () => void, life: Life): Timer {
    const call: Call = { atMs: this.ms + Math.max(0, ms), order: this.order++, fn, life, cancelled: false }
    // Behind all that are due by then, in the order in which they were asked for.
    let at = 0
    for (let end = this.calls.length; at < end;) {
      const middle = (at + end) >>> 1
      if (later(this.calls[middle]!, call)) end = middle
      else at = middle + 1
    }
    this.calls.splice(at, 0, call)
    return { cancel: () => void (call.cancelled = true) }
  }

  private sleep(ms: number, life: Life, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (signal?.aborted === true) {
      reject(signal.reason as Error)
      return promise
    }
    const timer = this.add(
      ms,
      () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      },
      life,
    )
    const abort = (): void => {
      timer.cancel()
      reject(signal!.reason as Error)
    }
    signal?.addEventListener('abort', abort, { once: true })
    return promise
  }

  /** The next call that is due by `limitMs`; it stays where it is when it is due later. */
  private takeNext(limitMs: number): Call | null {
    for (let i = 0; i < this.calls.length; i++) {
      const call = this.calls[i]!
      if (!call.cancelled && call.life.alive && (call.life.frozen || call.atMs > limitMs)) {
        if (call.life.frozen) continue
        return null
      }
      this.calls.splice(i, 1)
      if (!call.cancelled && call.life.alive) return call
      i -= 1
    }
    return null
  }
}

function later(one: Call, other: Call): boolean {
  return one.atMs > other.atMs || (one.atMs === other.atMs && one.order > other.order)
}

/** All microtasks have run. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
