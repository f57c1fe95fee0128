import { stringifyValue } from '../../model/event/forms/event-json.ts'
import type { LookedUp } from '../../model/event/facts.ts'

const MOST_ENTRIES = 10_000
const MOST_BYTES = 4 * 1024 * 1024
/** What an entry costs beside its texts. */
const ENTRY_BYTES = 200

interface Entry {
  readonly found: LookedUp | null
  readonly bytes: number
  readonly untilMs: number
}

/** Answers of one lookup by their parameters, the oldest first: bounded in number, bytes and age. */
export class LookupCache {
  private readonly entries = new Map<string, Entry>()
  private bytes = 0

  /** Undefined: not known, or not any more. */
  get(key: string, nowMs: number): LookedUp | null | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    if (entry.untilMs > nowMs) return entry.found
    this.remove(key, entry)
    return undefined
  }

  set(key: string, found: LookedUp | null, untilMs: number): void {
    const known = this.entries.get(key)
    if (known !== undefined) this.remove(key, known)
    const bytes = ENTRY_BYTES + 2 * (key.length + (found === null ? 0 : stringifyValue(found.row).length))
    this.entries.set(key, { found, bytes, untilMs })
    this.bytes += bytes
    for (const [oldest, entry] of this.entries) {
      if (this.bytes <= MOST_BYTES && this.entries.size <= MOST_ENTRIES) break
      this.remove(oldest, entry)
    }
  }

  clear(): void {
    this.entries.clear()
    this.bytes = 0
  }

  private remove(key: string, { bytes }: Entry): void {
    this.entries.delete(key)
    this.bytes -= bytes
  }
}
