import { systemClock, type Clock } from '../../src/model/clock.ts'
import type { DeadLetter, DeadLetterStore } from '../../src/model/delivery/dead-letter.ts'
import { BingoError } from '../../src/model/errors.ts'
import type { GapLog } from '../../src/model/event/gap.ts'
import type { PositionStore, StoredPosition } from '../../src/flow/checkpoint/position-store.ts'
import { MemoryDeadLetterStore } from '../../src/state/dead-letters/memory-store.ts'
import type { StateStore } from '../../src/model/state/state.ts'
import { MemoryStateStore } from '../../src/state/memory/state-store.ts'
import type { WaitingStore } from '../../src/model/delivery/waiting.ts'
import { MemoryWaitingStore } from '../../src/state/waiting/memory-store.ts'
import type { Ledger } from './ledger.ts'
import type { Random } from './random.ts'

const ROOMY = { maxCount: 1_000_000, maxBytes: 1_000_000_000, maxAgeMs: Infinity }

/** What is durable: it outlives the simulated processes. */
export class DurableState {
  position: { readonly group: number; readonly epoch: number; readonly gaps: GapLog } | null = null
  healed = false
  /** Targets that are paused, and since when. */
  readonly paused = new Map<string, number>()
  private readonly values = new MemoryStateStore()
  readonly deadLetters = new MemoryDeadLetterStore(ROOMY, systemClock)
  readonly records = new MemoryWaitingStore()
  private readonly random: Random
  private readonly ledger: Ledger

  constructor(random: Random, ledger: Ledger) {
    this.random = random
    this.ledger = ledger
  }

  /** The checkpoint as one process reaches it: slow at times, away at times, and closed to whoever was replaced. */
  positions(clock: Clock): PositionStore {
    return {
      description: 'simulated',
      save: async ({ position, epoch, gaps }: StoredPosition) => {
        await this.travel(clock)
        if (epoch < (this.position?.epoch ?? 0)) throw new BingoError('BINGO_CHECKPOINT_FENCED', 'replaced')
        this.ledger.saved(Number(position))
        this.position = { group: Number(position), epoch, gaps }
        // Stored, and the answer is lost.
        if (!this.healed && this.random.chance(0.03)) throw away()
      },
    }
  }

  /** State as one process reaches it. */
  state(clock: Clock): StateStore {
    const { values } = this
    return {
      description: 'simulated',
      load: async (key) => {
        await this.travel(clock)
        return values.load(key)
      },
      save: async (key, value, ifVersion) => {
        await this.travel(clock)
        const saved = await values.save(key, value, ifVersion)
        if (!this.healed && this.random.chance(0.03)) throw away()
        return saved
      },
      lease: (name, ttlMs) => values.lease(name, ttlMs),
      close: () => Promise.resolve(),
    }
  }

  /** As one process reaches them. `leads`: what a process that was replaced writes arrives nowhere (app/standby). */
  letters(clock: Clock, leads: () => boolean): DeadLetterStore {
    const store = this.deadLetters
    return {
      description: 'simulated',
      add: async (letters: readonly DeadLetter[]) => {
        await this.travel(clock)
        if (!leads()) return new Promise(() => undefined)
        const released = await store.add(letters)
        for (const letter of letters) if (!released.includes(letter.id)) this.ledger.deadLetter(letter)
        if (!this.healed && this.random.chance(0.03)) throw away()
        return released
      },
      parkedKeys: async () => {
        await this.travel(clock)
        return store.parkedKeys()
      },
      list: (filter) => store.list(filter),
      remove: (ids) => store.remove(ids),
      count: () => store.count(),
      lease: () => store.lease(),
      close: () => Promise.resolve(),
    }
  }

  /** As one process reaches it. */
  waiting(clock: Clock, leads: () => boolean): WaitingStore {
    const store = this.records
    const change = async <T>(work: () => Promise<T>): Promise<T> => {
      await this.travel(clock)
      if (!leads()) return new Promise(() => undefined)
      const answer = await work()
      // Written, and the answer is lost.
      if (!this.healed && this.random.chance(0.03)) throw away()
      return answer
    }
    const read = async <T>(work: () => Promise<T>): Promise<T> => {
      await this.travel(clock)
      return work()
    }
    return {
      description: 'simulated',
      add: (records) =>
        change(async () => {
          const places = await store.add(records)
          for (const [i, record] of records.entries()) if (places[i] !== null) this.ledger.waits(record, places[i]!)
          return places
        }),
      remove: (places) =>
        change(async () => {
          await store.remove(places)
          this.ledger.left(places)
        }),
      replace: (records) =>
        change(async () => {
          await store.replace(records)
        }),
      page: (line, after, limit) => read(() => store.page(line, after, limit)),
      ofKey: (line, rowKey) => read(() => store.ofKey(line, rowKey)),
      lines: () => read(() => store.lines()),
      close: () => Promise.resolve(),
    }
  }

  private async travel(clock: Clock): Promise<void> {
    if (this.healed) return
    await clock.sleep(this.random.int(0, 6))
    if (this.random.chance(0.05)) throw away()
  }
}

function away(): BingoError {
  return new BingoError('BINGO_SIMULATED', 'away', { retryable: true })
}
