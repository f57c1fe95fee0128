/** Twice as many are more than are stored in the time until most have their first progress. */
const MOST_EVENTS = 8_192

interface FreshEvent {
  readonly seq: number
  readonly createdAt: number
}

/** Events that were stored lately and have no progress yet: it is written without a look for them in the file. */
export class FreshEvents {
  /** Removing the oldest one of a map each time would pass all those that were removed before. */
  #events = new Map<string, FreshEvent>()
  #older = new Map<string, FreshEvent>()

  add(name: string, event: FreshEvent): void {
    if (this.#events.size >= MOST_EVENTS) {
      this.#older = this.#events
      this.#events = new Map()
    }
    this.#events.set(name, event)
  }

  /** Undefined: nothing is known of it here. */
  take(name: string): FreshEvent | undefined {
    return taken(this.#events, name) ?? taken(this.#older, name)
  }

  /** Some may not be in the file after all. */
  clear(): void {
    this.#events.clear()
    this.#older.clear()
  }
}

function taken(events: Map<string, FreshEvent>, name: string): FreshEvent | undefined {
  const event = events.get(name)
  if (event !== undefined) events.delete(name)
  return event
}
