import type { LogEntry } from '../../../model/state/event-log.ts'

/**
 * Shares of a new group: as many instances can read it at once. Their number is stored with the group, so that instances
 * of another version cut it in the same way.
 */
export const PARTITIONS = 32

/** FNV-1a, of UTF-16 code units. Never changed: instances of different versions share a group. */
function hash(text: string): number {
  let mixed = 0x811c9dc5
  for (let i = 0; i < text.length; i++) mixed = Math.imul(mixed ^ text.charCodeAt(i), 0x01000193)
  return mixed >>> 0
}

/** Entries of one key are in one partition, and so read by one instance at a time; those without a key have no order. */
export function partitionOf({ key, place }: Pick<LogEntry, 'key' | 'place'>, partitions: number): number {
  return (key === null ? Number(place) : hash(key)) % partitions
}

/** A partition from when this instance took it until it has lost it. */
export class Tenure {
  readonly partition: number
  /** Everything of the partition up to there was given to the reader, or is acknowledged. */
  readUpTo: number
  /** Given to the reader and not acknowledged. */
  readonly pending = new Set<number>()
  /** Another instance is to have it: nothing more is given to the reader. */
  isLeaving = false
  /** Another instance has it. */
  isLost = false

  constructor(partition: number, readUpTo: number) {
    this.partition = partition
    this.readUpTo = readUpTo
  }

  get isReadable(): boolean {
    return !this.isLeaving && !this.isLost
  }
}

/** What this instance has of a group. */
export class Share {
  /** How many partitions the group has. */
  readonly partitions: number
  readonly tenures = new Map<number, Tenure>()
  /** Until when the leases hold, by the monotonic clock of this process. */
  untilMs = 0
  /** The store may know of places that are acknowledged behind `upTo`. */
  mayBeAhead = true
  #upTo: number
  /** Acknowledged, behind `upTo`. */
  readonly #ahead = new Set<number>()
  /** By place. */
  readonly #pending = new Map<number, Tenure>()

  constructor(partitions: number, upTo: number) {
    this.partitions = partitions
    this.#upTo = upTo
  }

  /** Everything up to there is acknowledged, by whichever instance. */
  get upTo(): number {
    return this.#upTo
  }

  get readable(): Tenure[] {
    return [...this.tenures.values()].filter(({ isReadable }) => isReadable)
  }

  /** Nothing up to there is left to be read by this instance. */
  get readUpTo(): number {
    return Math.min(Infinity, ...this.readable.map(({ readUpTo }) => readUpTo))
  }

  isAcknowledged(place: number): boolean {
    return place <= this.#upTo || this.#ahead.has(place)
  }

  take(partition: number): void {
    this.tenures.set(partition, new Tenure(partition, this.#upTo))
  }

  lose(tenure: Tenure): void {
    tenure.isLost = true
    this.tenures.delete(tenure.partition)
    for (const place of tenure.pending) this.#pending.delete(place)
  }

  gives(tenure: Tenure, place: number): void {
    tenure.pending.add(place)
    this.#pending.set(place, tenure)
  }

  /** Of an entry that was given to the reader; undefined: it was not, or its partition was lost since. */
  partitionOf(place: number): number | undefined {
    return this.#pending.get(place)?.partition
  }

  acknowledged(places: Iterable<number>, upTo: number): void {
    for (const place of places) {
      this.#pending.get(place)?.pending.delete(place)
      this.#pending.delete(place)
      this.#ahead.add(place)
    }
    if (upTo <= this.#upTo) return
    this.#upTo = upTo
    for (const place of this.#ahead) if (place <= upTo) this.#ahead.delete(place)
  }

  /** What was not acknowledged is read again. */
  restart(): void {
    this.#pending.clear()
    for (const tenure of this.tenures.values()) {
      tenure.pending.clear()
      tenure.readUpTo = this.#upTo
    }
  }
}
