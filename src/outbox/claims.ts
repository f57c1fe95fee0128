import type { Clock, Timer } from '../model/clock.ts'
import type { OutboxStorage, StoredOutboxEntry } from './contract.ts'

/** Claims are renewed so many times before they would end. */
const RENEWALS = 3
const RETRY_MS = 100

export interface ClaimsDeps {
  readonly storage: OutboxStorage
  readonly owner: string
  readonly entries: readonly StoredOutboxEntry[]
  readonly leaseMs: number
  /** When they were asked for. */
  readonly claimedAtMs: number
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

/** What a processor has claimed and not settled yet. Nothing may be published whose claim may have ended. */
export class Claims {
  readonly #deps: ClaimsDeps
  readonly #open: Set<string>
  readonly #lost = new AbortController()
  #untilMs: number
  #timer: Timer | null = null
  #renewing: Promise<void> = Promise.resolve()

  constructor(deps: ClaimsDeps) {
    this.#deps = deps
    this.#open = new Set(deps.entries.map(({ id }) => id))
    this.#untilMs = deps.claimedAtMs + deps.leaseMs
    this.#schedule()
  }

  /** Aborted when claims could not be renewed in time. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  hold(id: string): boolean {
    return this.#open.has(id) && !this.#lost.signal.aborted && this.#deps.clock.monotonicMs() < this.#untilMs
  }

  /** Writes what became of an entry, again while its claim lasts: it would be published twice otherwise. */
  async settle(id: string, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await write()
        this.#open.delete(id)
        return
      } catch (error) {
        this.#deps.onError(error)
        if (!this.hold(id)) return
        await this.#deps.clock.sleep(Math.min(RETRY_MS, this.#deps.leaseMs / RENEWALS))
      }
    }
  }

  async end(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    await this.#renewing
    if (this.#open.size === 0) return
    // What cannot be given back is free when its claim has ended.
    await this.#deps.storage.release([...this.#open], this.#deps.owner).catch(this.#deps.onError)
  }

  #schedule(): void {
    this.#timer = this.#deps.clock.after(this.#deps.leaseMs / RENEWALS, () => {
      this.#renewing = this.#renew()
    })
  }

  async #renew(): Promise<void> {
    const ids = [...this.#open]
    const at = this.#deps.clock.monotonicMs()
    try {
      const left = await this.#deps.storage.renew(ids, this.#deps.owner, this.#deps.leaseMs)
      // Others have taken what was settled in the meantime, or this process was suspended for longer than its claims.
      if (left < ids.filter((id) => this.#open.has(id)).length) this.#lost.abort()
      this.#untilMs = at + this.#deps.leaseMs
    } catch (error) {
      this.#deps.onError(error)
      if (this.#deps.clock.monotonicMs() >= this.#untilMs) this.#lost.abort()
    }
    if (this.#timer !== null && !this.#lost.signal.aborted) this.#schedule()
  }
}
