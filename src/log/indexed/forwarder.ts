import { BingoError } from '../../model/errors.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import { indexMismatch } from '../errors.ts'
import { EngineMoved } from './contract.ts'
import type { Engine, Index } from './contract.ts'

/** Others append at the same time, and one of all gets on each time. */
const ATTEMPTS = 200
/** Of one append, about: it is in memory as a whole. */
const MOST_ENTRIES = 1_000
const MOST_BYTES = 8 << 20

/**
 * Brings what the index has to the engine, in the order of the index. How far that went is asked of the engine itself
 * at the start and after each error: whatever was cut off in between, the next run repairs it.
 */
export class Forwarder {
  readonly #index: () => Index['log']
  readonly #engine: Engine
  #identity: string | null = null
  /** Place of the newest entry in the engine; null: it is to be asked. */
  #sent: number | null = null
  /** Up to where readers were told of entries. */
  #told = 0
  #next: Promise<void> | null = null
  #running: Promise<void> | null = null
  #isInStep = false

  constructor(index: () => Index['log'], engine: Engine) {
    this.#index = index
    this.#engine = engine
  }

  /** The last run went well: nothing has been said against the engine since. */
  get isInStep(): boolean {
    return this.#isInStep
  }

  /** The engine may have lost something, or is down: the next run asks it. */
  doubt(): void {
    this.#isInStep = false
    this.#sent = null
  }

  /** How far the engine is, as far as it is known. */
  get sent(): number {
    return this.#sent ?? 0
  }

  async identity(): Promise<string> {
    this.#identity ??= await this.#index().identity()
    return this.#identity
  }

  /** Resolves when everything that the index has now is in the engine. Calls of one turn share one run. */
  flush(): Promise<void> {
    this.#next ??= this.#begin(this.#running)
    return this.#next
  }

  async #begin(before: Promise<void> | null): Promise<void> {
    await before?.catch(() => undefined)
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#next = null
    this.#running = this.#run()
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      for (let attempt = 1; !(await this.#forward(attempt)); attempt++);
      this.#isInStep = true
      this.#tellReaders()
    } catch (error) {
      this.doubt()
      throw error
    }
  }

  /** They may have looked for entries before the engine had them. */
  #tellReaders(): void {
    if (this.sent <= this.#told) return
    this.#told = this.sent
    this.#index().wake()
  }

  /** False: it is to be repeated. */
  async #forward(attempt: number): Promise<boolean> {
    const index = await this.identity()
    let sent = this.#sent ?? (await this.#resume(index))
    this.#sent = sent
    try {
      for (;;) {
        const { entries, more } = await this.#behind(sent)
        if (entries.length > 0) await this.#engine.append(index, entries)
        sent = entries.length > 0 ? placeOf(entries.at(-1)!) : sent
        this.#sent = sent
        if (!more) return true
      }
    } catch (error) {
      if (!(error instanceof EngineMoved)) throw error
      if (attempt === ATTEMPTS) throw contended(this.#engine, error)
      this.#sent = null
      return false
    }
  }

  /** What is appended at once. */
  async #behind(after: number): Promise<{ readonly entries: readonly LogEntry[]; readonly more: boolean }> {
    const entries: LogEntry[] = []
    let bytes = 0
    while (entries.length < MOST_ENTRIES && bytes < MOST_BYTES) {
      const page = await this.#index().entries(entries.length > 0 ? placeOf(entries.at(-1)!) : after)
      if (page.length === 0) return { entries, more: false }
      entries.push(...page)
      for (const { payload } of page) bytes += payload.byteLength
    }
    return { entries, more: true }
  }

  async #resume(index: string): Promise<number> {
    const last = await this.#engine.last(index)
    const { newest } = await this.#index().extent()
    if (last.newest > newest) throw indexMismatch(this.#engine.description, 'newer')
    return last.upTo
  }
}

function placeOf({ place }: LogEntry): number {
  return Number(place)
}

function contended({ description }: Engine, cause: Error): BingoError {
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${description} is being appended to by someone else`, {
    hint: 'Stop what else publishes to it: nothing but BinGo may.',
    retryable: true,
    cause,
  })
}
