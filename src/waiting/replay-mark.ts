import type { Clock } from '../model/clock.ts'
import type { StoredRecord, WaitingSeq } from '../model/delivery/waiting.ts'
import { committedAtMs } from './record.ts'

/** What is known of the sources that read again, after a restart, what they had read before. */
export interface Replay {
  /**
   * Commit time up to which everything was read that may come again; Infinity: nothing comes again, -Infinity: nothing has
   * yet.
   */
  readUpToMs(): number
  /** A source could not begin to read, and `readUpToMs` does not count it. */
  isSourceDown(): boolean
  /** Names what was read so far. */
  mark(): readonly number[]
  /** All of that has ended, or is durable where it waits. */
  isFinished(mark: readonly number[]): boolean
}

/** Where nothing comes again. */
export const NO_REPLAY: Replay = {
  readUpToMs: () => Infinity,
  isSourceDown: () => false,
  mark: () => [],
  isFinished: () => true,
}

/** Whether this process may read a record of the process before again, and put it behind others that stand behind it by now. */
export type MayMove = (record: StoredRecord) => boolean

const NEVER: MayMove = () => false
const NONE: ReadonlySet<string> = new Set()
/** What was read and takes longer to end is not waited for: it may wait for what waits here. */
const STUCK_MS = 60_000
/**
 * Commit times do not ascend in every log: sessions read the clock before they come into it, MariaDB tells when the statement
 * began, a replica when the source committed. So what is yet to be read may have been committed earlier than what was read, by
 * less than this. A source that has caught up has read it.
 */
const INVERSION_MS = 60_000

/**
 * How far the replay after a restart has come, over all lines: a record that comes again moves to the end of the line that
 * its rule says, which may be another one than the one that it was in. Those behind it that have not come again yet would
 * overtake it, so they wait (invariant 2).
 */
export class ReplayMark {
  private readonly replay: Replay
  private readonly clock: Clock
  private settledMs = -Infinity
  private next: { readonly readUpToMs: number; readonly mark: readonly number[]; readonly atMs: number } | null = null
  /** What stands before the first place that this process was given, in whatever line, is of the process before. */
  private firstPlace: WaitingSeq = Infinity
  /** Rules of which records stand in several lines: a replay may have ended between two of its groups. */
  private scattered: ReadonlySet<string> = NONE

  constructor(replay: Replay, clock: Clock) {
    this.replay = replay
    this.clock = clock
  }

  /** The rules of each line that the store had when it was opened. */
  found(lines: readonly ReadonlySet<string>[]): void {
    const counts = new Map<string, number>()
    for (const rules of lines) for (const rule of rules) counts.set(rule, (counts.get(rule) ?? 0) + 1)
    this.scattered = new Set([...counts].flatMap(([rule, count]) => (count > 1 ? [rule] : [])))
  }

  placed(seq: WaitingSeq): void {
    this.firstPlace = Math.min(this.firstPlace, seq)
  }

  /** What stands at this place, in whatever line, is of the process before. */
  isFormer(seq: WaitingSeq): boolean {
    return seq < this.firstPlace
  }

  /** Something may come again. */
  get isReplaying(): boolean {
    return this.upToMs() !== Infinity
  }

  /** As it is now: to be asked before the store is. */
  mayMove(): MayMove {
    const upToMs = this.upToMs()
    // A source that is down holds back only what is in doubt.
    const scattered = this.scattered.size > 0 && this.replay.isSourceDown() ? this.scattered : NONE
    if (upToMs === Infinity && scattered.size === 0) return NEVER
    return (record) =>
      this.isFormer(record.seq) &&
      (scattered.has(record.shape.ruleId) || committedAtMs(record) >= upToMs - INVERSION_MS)
  }

  /** Up to which commit time everything was read, and has ended or is durable: until then it may be anywhere in memory. */
  private upToMs(): number {
    this.settle()
    const readUpToMs = this.replay.readUpToMs()
    this.next ??= { readUpToMs, mark: this.replay.mark(), atMs: this.clock.monotonicMs() }
    this.settle()
    // Nothing was waited for, and is now: a source that was down comes back.
    if (readUpToMs < this.settledMs) this.settledMs = -Infinity
    const isStuck = this.next !== null && this.clock.monotonicMs() - this.next.atMs >= STUCK_MS
    return isStuck ? Infinity : this.settledMs
  }

  private settle(): void {
    if (this.next === null || !this.replay.isFinished(this.next.mark)) return
    this.settledMs = this.next.readUpToMs
    this.next = null
  }
}
