import type { Clock } from '../model/clock.ts'

/** Rung when this process has appended. */
export class Bell {
  readonly #listeners = new Set<() => void>()

  ring(): void {
    for (const listener of this.#listeners) listener()
  }

  /** One who looks for events again and again. Rings between two `wait`s are not lost. */
  listen(clock: Clock): Listener {
    return new Listener(this.#listeners, clock)
  }
}

export class Listener {
  readonly #listeners: Set<() => void>
  readonly #clock: Clock
  #rung = false
  #wake: (() => void) | null = null
  readonly #onRing = (): void => {
    this.#rung = true
    this.#wake?.()
  }

  constructor(listeners: Set<() => void>, clock: Clock) {
    this.#listeners = listeners
    this.#clock = clock
    listeners.add(this.#onRing)
  }

  /** Resolves with a ring since the last wait, or after `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = this.#clock.after(ms, resolve)
      this.#wake = resolve
      await promise
      this.#wake = null
      timer.cancel()
    }
    this.#rung = false
  }

  /** As if it rang. */
  wake(): void {
    this.#onRing()
  }

  stop(): void {
    this.#listeners.delete(this.#onRing)
  }
}
