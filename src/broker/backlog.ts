import type { PublishEventOptions } from './contract.ts'
import { full } from './errors.ts'

interface Waiting {
  readonly count: number
  readonly room: PromiseWithResolvers<void>
}

/** Counts events that were published and are not handled, and lets whoever publishes wait when there are too many. */
export class Backlog {
  pending = 0
  private readonly limit: number
  /** In the order in which they came: events are stored in the order in which they were published. */
  private readonly queue: Waiting[] = []
  private closedWith: Error | null = null
  private readonly emptied: (() => void)[] = []
  /** Events that came since the store was looked at last. */
  private recent = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Calls that wait for room. */
  get waiting(): number {
    return this.queue.length
  }

  /** Counts so many events as pending, once there is room. More than fit at all are let in alone. */
  async enter(
    count: number,
    { whenFull = 'wait', signal }: Pick<PublishEventOptions, 'whenFull' | 'signal'>,
  ): Promise<void> {
    signal?.throwIfAborted()
    if (this.closedWith !== null) throw this.closedWith
    if (this.queue.length === 0 && this.fits(count)) {
      this.add(count)
      return
    }
    // What waits is in memory too.
    if (whenFull === 'reject' || this.queue.length >= this.limit) throw full(this.limit)
    const waiting = { count, room: Promise.withResolvers<void>() }
    this.queue.push(waiting)
    const onAbort = (): void => this.giveUp(waiting, signal!.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await waiting.room.promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Events that came without being published here: they were due, or lay in the store. */
  add(count: number): void {
    this.pending += count
    this.recent += count
  }

  leave(count: number): void {
    this.pending = Math.max(0, this.pending - count)
    this.letIn()
  }

  /**
   * What the store says is not finished: others may have handled what came from here. It may lag behind, so that events
   * that came since it was asked last are counted as well.
   */
  corrected(size: number): void {
    const most = size + this.recent
    this.recent = 0
    if (most < this.pending) this.leave(this.pending - most)
  }

  /** Whoever waits for room, or asks for it later, gets this error. */
  close(error: Error): void {
    this.closedWith = error
    for (const { room } of this.queue.splice(0)) room.reject(error)
  }

  /** Resolves when nothing is pending. */
  empty(): Promise<void> {
    if (this.pending === 0) return Promise.resolve()
    return new Promise((resolve) => this.emptied.push(resolve))
  }

  private fits(count: number): boolean {
    return this.pending === 0 || this.pending + count <= this.limit
  }

  private letIn(): void {
    for (let next = this.queue[0]; next !== undefined && this.fits(next.count); next = this.queue[0]) {
      this.queue.shift()
      this.add(next.count)
      next.room.resolve()
    }
    if (this.pending === 0) for (const resolve of this.emptied.splice(0)) resolve()
  }

  private giveUp(waiting: Waiting, reason: unknown): void {
    const index = this.queue.indexOf(waiting)
    if (index < 0) return
    this.queue.splice(index, 1)
    waiting.room.reject(reason)
    // It may have held back smaller ones.
    this.letIn()
  }
}
