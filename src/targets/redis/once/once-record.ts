import type { RedisClient } from '../../../clients/redis/redis.ts'
import type { DeliveryRun, ReplayMark, ReplayWindow } from '../../../model/delivery/delivery-run.ts'
import { FORGET, KEEP } from './once-scripts.ts'

/** At most so often. */
const FORGET_EVERY_MS = 1_000

export function appliedKey(name: string): string {
  return `bingo:{${name}}:applied`
}

/** Its client is another one after a while. */
export interface OnceConnection {
  readonly client: Pick<RedisClient, 'eval' | 'get' | 'info' | 'srem'>
}

/**
 * The record of applied effects: two sets, of which the older one is dropped, and the newer one put in its place, as soon
 * as no restart could bring anything of the older one again. What earlier runs applied counts as passed once this run has
 * read everything that the server had, and the checkpoint has passed that.
 */
export class OnceRecord {
  /** Epoch, applied, applied before, applied and (to be) retried. */
  readonly keys: readonly [epoch: string, applied: string, before: string, retried: string]
  private readonly connection: OnceConnection
  private readonly epoch: number | null
  private readonly window: ReplayWindow | null
  private readonly generationKey: string
  private generation: number | null = null
  /** When the stored checkpoint has passed this, the older set can go; null until everything of old was read. */
  private mark: ReplayMark | null = null
  private busy = false
  private triedAt = -Infinity

  constructor(connection: OnceConnection, { name, epoch, window }: DeliveryRun) {
    const key = appliedKey(name)
    this.keys = [`${key}:epoch`, key, `${key}:before`, `${key}:retried`]
    this.generationKey = `${key}:generation`
    this.connection = connection
    this.epoch = epoch
    this.window = window
  }

  /** Begins to forget what may be forgotten; does not wait. A failure is tried again after the next send. */
  forgetWhatPassed(): void {
    const { window } = this
    if (window === null || this.busy || performance.now() - this.triedAt < FORGET_EVERY_MS) return
    if (this.mark === null && window.caughtUp) this.mark = window.mark()
    if (this.mark === null || !window.passed(this.mark)) return
    this.busy = true
    this.triedAt = performance.now()
    void this.forget(window)
      .catch(() => undefined)
      .finally(() => {
        this.busy = false
      })
  }

  async keepApplied(ids: readonly string[]): Promise<void> {
    const [, applied, before, kept] = this.keys
    await this.connection.client.eval(KEEP, 3, applied, before, kept, ...ids)
  }

  /** Others that were retried may wait in the store still, where a retry was killed before it removed them. */
  async forgetRetried(ids: readonly string[]): Promise<void> {
    await this.connection.client.srem(this.keys[3], ...ids)
  }

  private async forget(window: ReplayWindow): Promise<void> {
    const [epochKey, applied, before] = this.keys
    this.generation ??= Number((await this.connection.client.get(this.generationKey)) ?? 0)
    const keys = [epochKey, applied, before, this.generationKey]
    // What Redis has in the older set from now on was applied before this answer: the mark is taken behind it.
    this.generation = Number(
      await this.connection.client.eval(FORGET, keys.length, ...keys, this.epoch!, this.generation),
    )
    this.mark = window.mark()
  }
}
