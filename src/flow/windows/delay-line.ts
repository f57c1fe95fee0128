import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Clock, Timer } from '../../model/clock.ts'
import type { StoredRecord } from '../../model/delivery/waiting.ts'
import { committedAtMs } from '../../waiting/record.ts'
import type { LineReader } from '../stored-jobs.ts'

/** Shorter delays are not worth a write to disk: such events hold the checkpoint, and a clean stop stores them. */
const MEMORY_MS = 1_000
/** Records read at once: about as many as are due, so that few are read for nothing. */
const PAGE = { least: 16, most: 500 } as const
/** Between two looks whether the budget has room for what is due. */
const ROOM_MS = 20
/** What is due within this time leaves together. */
const TICK_MS = 5

export interface DelayLineDeps {
  readonly clock: Clock
  /** Wall time that no setting of the clock moves. */
  readonly steadyNow: () => number
  /** Of the line `delay/RULE`. */
  readonly reader: LineReader
  readonly release: (job: InFlightJob) => void
  /** Whether the memory budget has room for more jobs. */
  readonly hasRoom: () => boolean
  /** What waits may be cancelled, or get another row. Absent: never. */
  readonly revises?: (() => boolean) | undefined
  /** Up to which commit time everything has been read that may revise something. Absent: all. */
  readonly readUpToMs?: (() => number) | undefined
}

/**
 * Holds the jobs of one rule back until the rule's delay has passed since their commit (`delay: 30s`). They wait in the
 * store, in the order of their commits, and cost no memory. Everything of the rule goes through the line until it is empty.
 */
export class DelayLine {
  private delayMs: number
  private readonly deps: DelayLineDeps
  /** Ahead of everything that is stored. */
  private waiting: { readonly job: InFlightJob; readonly dueAtMs: number }[] = []
  /** The first stored record, as far as it is known, and when it leaves in monotonic milliseconds. */
  private head: { readonly seq: number; readonly dueAtMs: number } | null = null
  private lastDueAtMs = 0
  private page: number = PAGE.least
  private timer: Timer | null = null
  private moving = false
  private stopped = false
  /** The clock that base times were taken from was ahead of ours, before a restart, by so much. */
  private aheadMs = 0

  constructor(delayMs: number, deps: DelayLineDeps) {
    this.delayMs = delayMs
    this.deps = deps
  }

  /** Nothing waits, so that whatever has no delay may pass. */
  get empty(): boolean {
    return this.waiting.length === 0 && !this.moving && this.deps.reader.line.empty
  }

  /** Goes on with what the store has. */
  begin(): void {
    this.schedule()
  }

  add(job: InFlightJob): void {
    const { line } = this.deps.reader
    const waitedMs = this.waitedMs(job)
    if (this.delayMs <= MEMORY_MS && line.empty && !this.moving && this.deps.revises?.() !== true) {
      const dueAtMs = this.deps.clock.monotonicMs() + Math.max(0, this.delayMs - waitedMs)
      this.waiting.push({ job, dueAtMs: Math.max(dueAtMs, this.waiting.at(-1)?.dueAtMs ?? 0) })
    } else {
      line.add(job, this.deps.steadyNow() - waitedMs)
    }
    this.schedule()
  }

  /** What waits is revised by the job, but for what comes after it. */
  revise(job: InFlightJob): void {
    this.deps.reader.line.revise(job)
  }

  /** The delay changes, for what waits too, whose order stays. */
  useDelay(delayMs: number): void {
    if (delayMs === this.delayMs) return
    this.delayMs = delayMs
    let lastMs = 0
    this.waiting = this.waiting.map(({ job, dueAtMs }) => {
      const ownMs = this.deps.clock.monotonicMs() + Math.max(0, delayMs - this.waitedMs(job))
      lastMs = Math.max(lastMs, Math.min(dueAtMs, ownMs))
      return { job, dueAtMs: lastMs }
    })
    this.head = null
    this.lastDueAtMs = 0
    this.look()
  }

  /** What waits in memory is stored, where nothing is stored ahead of it; nothing leaves any more. */
  stop(): void {
    this.stopped = true
    this.timer?.cancel()
    this.timer = null
    const { line } = this.deps.reader
    if (!line.empty || this.moving) return
    for (const { job } of this.waiting.splice(0)) line.add(job, this.deps.steadyNow() - this.waitedMs(job))
  }

  /**
   * How long ago it was committed. The server's clock and ours differ, and ours may be set: never negative, and longer only
   * where the time that has passed since we began says so as well.
   */
  private waitedMs({ change }: InFlightJob): number {
    const now = Math.min(this.deps.clock.now(), this.deps.steadyNow())
    return Math.max(0, now - change.transaction.timestampUs / 1_000)
  }

  /** When the first stored record leaves. */
  private dueAtMs({ seq, baseMs }: StoredRecord): number {
    if (this.head?.seq === seq) return this.head.dueAtMs
    const now = this.deps.steadyNow()
    this.aheadMs = Math.max(this.aheadMs, baseMs - now)
    const leftMs = this.delayMs - (now + this.aheadMs - baseMs)
    return Math.max(this.lastDueAtMs, this.deps.clock.monotonicMs() + Math.max(0, leftMs))
  }

  private schedule(): void {
    if (this.timer !== null || this.moving || this.stopped) return
    const now = this.deps.clock.monotonicMs()
    const dueAtMs = this.nextDueAtMs()
    if (dueAtMs === null) return
    this.timer = this.deps.clock.after(Math.max(TICK_MS, Math.ceil(dueAtMs - now)), () => {
      this.timer = null
      this.look()
    })
  }

  private nextDueAtMs(): number | null {
    const first = this.waiting[0]
    if (first !== undefined) return first.dueAtMs
    if (this.deps.reader.line.empty) return null
    return this.head?.dueAtMs ?? this.deps.clock.monotonicMs()
  }

  /** Lets go what is due. */
  private look(): void {
    if (this.moving || this.stopped) return
    this.timer?.cancel()
    this.timer = null
    const now = this.deps.clock.monotonicMs()
    let due = 0
    while (due < this.waiting.length && this.waiting[due]!.dueAtMs <= now) due += 1
    for (const { job } of this.waiting.splice(0, due)) this.deps.release(job)
    if (this.waiting.length > 0 || this.deps.reader.line.empty) {
      this.schedule()
      return
    }
    this.moving = true
    void this.moveDue().then(
      () => {
        this.moving = false
        this.schedule()
      },
      // A stop gave up waiting for a store.
      () => undefined,
    )
  }

  /** The records of the store that are due become jobs. */
  private async moveDue(): Promise<void> {
    const { line } = this.deps.reader
    while (!line.empty && !this.stopped) {
      const records = await line.next(this.page)
      const moved = await this.move(records)
      this.page = Math.min(PAGE.most, Math.max(PAGE.least, moved * 2))
      if (moved < records.length || records.length === 0) return
    }
  }

  /** It is due, but something that is not read or not written yet may have revised it before. */
  private mayBeRevised(record: StoredRecord, dueAtMs: number): boolean {
    if (dueAtMs > this.deps.clock.monotonicMs()) return false
    if (this.deps.reader.line.isRevising(record.rowKey)) return true
    const readUpToMs = this.deps.readUpToMs?.() ?? Infinity
    if (readUpToMs === Infinity) return false
    // The clock of the server, which commit times are of, may be ahead of ours, which base times are of.
    return readUpToMs < record.baseMs + this.delayMs || readUpToMs < committedAtMs(record) + this.delayMs
  }

  /** Answers how many were due; the others stay where they are. */
  private async move(records: readonly StoredRecord[]): Promise<number> {
    const { reader, release, hasRoom, clock } = this.deps
    for (const [moved, read] of records.entries()) {
      const dueAtMs = this.dueAtMs(read)
      let record = reader.line.asItIs(read)
      while (!this.stopped && record !== null && (!hasRoom() || this.mayBeRevised(record, dueAtMs))) {
        await clock.sleep(ROOM_MS)
        record = reader.line.asItIs(read)
      }
      if (record === null) continue
      if (dueAtMs > clock.monotonicMs() || this.stopped) {
        this.head = { seq: record.seq, dueAtMs }
        reader.line.back(record)
        return moved
      }
      this.head = null
      this.lastDueAtMs = dueAtMs
      const jobs = reader.jobsOf(record)
      for (const job of jobs instanceof Promise ? await jobs : jobs) release(job)
    }
    return records.length
  }
}
