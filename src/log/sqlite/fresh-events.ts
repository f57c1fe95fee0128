/** More than are stored in the time until most have their first progress. */
const MOST_EVENTS = 8_192

interface FreshEvent {
  readonly seq: number
  readonly createdAt: number
}

/** Events that were stored lately and have no progress yet: it is written without a look for them in the file. */
export class FreshEvents {
  readonly #events = new Map<string, FreshEvent>()

  add(name: string, event: FreshEvent): void {
    this.#events.set(name, event)
    if (this.#events.size > MOST_EVENTS) this.#events.delete(this.#events.keys().next().value!)
  }

  /** Undefined: nothing is known of it here. */
  take(name: string): FreshEvent | undefined {
    const event = this.#events.get(name)
    if (event !== undefined) this.#events.delete(name)
    return event
  }

  /** Some may not be in the file after all. */
  clear(): void {
    this.#events.clear()
  }
}
