import type { Clock } from '../model/clock.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { WaitingRecord, WaitingSeq, WaitingStore } from '../model/delivery/waiting.ts'
import type { Log } from '../model/rule/action.ts'
import type { WaitingState } from '../model/stats.ts'
import { patiently, type PatienceDeps } from './patience.ts'
import { recordOf } from './record.ts'
import { withoutRevised, type Addition, type Written } from './additions.ts'
import { WaitingLine } from './line.ts'
import { RecordHold } from './record-hold.ts'
import { NO_REPLAY, ReplayMark, type Replay } from './replay-mark.ts'
import { reviseStored } from './stored-revisions.ts'

/** What is written together: jobs of at most so many bytes as they are counted in memory. */
const MOST_RECORDS = 2_000
const MOST_BYTES = 8 << 20
const MOST_REMOVALS = 5_000
/** How long a write waits for others to go with: each is synced to disk. */
const GATHER_MS = 5
/** Between two looks at the totals, which are for people and for limits; and until the first one, when anything waits. */
const TOTALS_MS = 1_000
const FIRST_TOTALS_MS = 100

export interface WaitingLinesDeps {
  readonly store: WaitingStore
  readonly clock: Clock
  readonly log: Log
  readonly state: WaitingState
  /** Aborted when a stop gives up waiting. */
  readonly signal: AbortSignal
  /** Absent: nothing comes again. */
  readonly replay?: Replay | undefined
  /** The job is durable in its line: it leaves memory, and holds nothing any more. */
  readonly stored: (job: InFlightJob) => void
}

/**
 * Writes jobs to the lines of the waiting store and removes the records of those that have ended, many at a time. A job
 * stays in memory and holds the checkpoint until its record is durable (invariants 1 and 4), however long that takes.
 */
export class WaitingLines {
  private readonly deps: WaitingLinesDeps
  private readonly byName = new Map<string, WaitingLine>()
  private readonly replay: ReplayMark
  private additions: Addition[] = []
  /** Records whose places are not known yet, and their ids where somebody has asked. */
  private writing: readonly WaitingRecord[] = []
  private writingIds: ReadonlySet<string> | null = null
  private removals: { readonly seq: WaitingSeq; readonly line: WaitingLine }[] = []
  private removalsAsked = 0
  private removalsDone = 0
  private running: Promise<void> | null = null
  private enough: (() => void) | null = null
  private hurried = false
  private totalsAsked = false

  constructor(deps: WaitingLinesDeps) {
    this.deps = deps
    this.replay = new ReplayMark(deps.replay ?? NO_REPLAY, deps.clock)
  }

  /** Learns what waits. Waits for a store that is down; rejects when aborted, or refused for good. */
  async open(signal: AbortSignal): Promise<void> {
    const totals = await patiently({ ...this.patience(), signal }, () => this.deps.store.lines())
    for (const { line, shapes } of totals) this.line(line).found(shapes)
    this.replay.found(totals.map(({ line }) => this.line(line).rules))
    this.noteTotals(totals)
  }

  get names(): readonly string[] {
    return [...this.byName.keys()]
  }

  line(name: string): WaitingLine {
    let line = this.byName.get(name)
    if (line === undefined) {
      line = new WaitingLine(name, {
        page: (after, limit) => patiently(this.patience(), () => this.deps.store.page(name, after, limit)),
        add: (job, baseMs) => this.add(job, line!, baseMs),
        // In the order of the additions: what is added later stays.
        revise: (job) => this.add(job, line!, 0),
        isWritten: (id) => this.isWritten(id),
        replay: this.replay,
        hasFormer: () => [...this.byName.values()].some((each) => each.hasFormer),
        hold: (record, uses) => new RecordHold(record.seq, uses, (seq) => this.remove(seq, line!)),
      })
      this.byName.set(name, line)
    }
    return line
  }

  /** Nothing waits to be written. */
  get idle(): boolean {
    return this.additions.length === 0 && this.removals.length === 0 && this.running === null
  }

  /** Resolves when everything is written that was to be; rejects when aborted before. */
  async flush(): Promise<void> {
    this.hurried = true
    this.enough?.()
    while (!this.idle) {
      this.start()
      await this.running
      this.deps.signal.throwIfAborted()
    }
    this.hurried = false
  }

  /** Resolves when the records of jobs that have ended before now are gone; rejects when aborted before. */
  async removed(): Promise<void> {
    const upTo = this.removalsAsked
    while (this.removalsDone < upTo) {
      this.enough?.()
      this.start()
      await this.running
      this.deps.signal.throwIfAborted()
    }
  }

  private remove(seq: WaitingSeq, line: WaitingLine): void {
    line.ended(seq)
    this.removals.push({ seq, line })
    this.removalsAsked += 1
    this.start()
  }

  private add(job: InFlightJob, line: WaitingLine, baseMs: number): void {
    this.additions.push({ job, line, baseMs })
    this.deps.state.unwritten += 1
    if (this.additions.length >= MOST_RECORDS) this.enough?.()
    this.start()
  }

  private start(): void {
    if (this.running !== null || this.deps.signal.aborted) return
    this.running = this.writeAll().finally(() => {
      this.running = null
    })
  }

  private async writeAll(): Promise<void> {
    try {
      while (this.additions.length > 0 || this.removals.length > 0) {
        if (!this.hurried && this.additions.length < MOST_RECORDS) await this.gather()
        await this.writeAdditions()
        await this.writeRemovals()
        this.askTotals()
      }
    } catch {
      // Aborted: what is not written is held, and comes again after the next start.
    }
  }

  private async writeAdditions(): Promise<void> {
    const { store } = this.deps
    const now = this.deps.clock.now()
    const { kept, gone, revisions } = withoutRevised(this.takeAdditions(), ({ job, line, baseMs }) =>
      recordOf(job, line.name, baseMs, now, job.hold instanceof RecordHold ? job.hold.seq : undefined),
    )
    const always = <T>(work: () => Promise<T>): Promise<T> => patiently(this.patience(), work, true)
    if (revisions.length > 0) await reviseStored(revisions, { store, patiently: always })
    if (kept.length > 0) await this.write(kept)
    for (const { job, line } of gone) {
      line.dropped()
      this.stored(job)
    }
    for (const { job } of revisions) this.stored(job)
  }

  private stored(job: InFlightJob): void {
    this.deps.state.unwritten -= 1
    this.deps.stored(job)
  }

  private async write(additions: readonly Written[]): Promise<void> {
    const records = additions.map(({ record }) => record)
    this.writing = records
    const places = await patiently(this.patience(), () => this.deps.store.add(records), true)
    this.writing = []
    this.writingIds = null
    for (const [i, { addition }] of additions.entries()) {
      const { job, line } = addition
      line.added(records[i]!, places[i] ?? null)
      this.stored(job)
    }
  }

  private isWritten(id: string): boolean {
    if (this.writing.length === 0) return false
    this.writingIds ??= new Set(this.writing.map((record) => record.id))
    return this.writingIds.has(id)
  }

  private takeAdditions(): Addition[] {
    let count = 0
    let bytes = 0
    while (count < this.additions.length && count < MOST_RECORDS && bytes < MOST_BYTES) {
      bytes += this.additions[count]!.job.bytes
      count += 1
    }
    return this.additions.splice(0, count)
  }

  private async writeRemovals(): Promise<void> {
    if (this.removals.length === 0) return
    const removals = this.removals.splice(0, MOST_REMOVALS)
    const places = removals.map(({ seq }) => seq)
    await patiently(this.patience(), () => this.deps.store.remove(places), true)
    for (const { seq, line } of removals) line.removed(seq)
    this.removalsDone += removals.length
  }

  private async gather(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.enough = resolve
    const timer = this.deps.clock.after(GATHER_MS, resolve)
    await promise
    timer.cancel()
    this.enough = null
  }

  private askTotals(): void {
    if (this.totalsAsked) return
    this.totalsAsked = true
    const { state, clock } = this.deps
    clock.afterIdle(state.lines.size === 0 ? FIRST_TOTALS_MS : TOTALS_MS, () => {
      this.totalsAsked = false
      void this.deps.store.lines().then(
        (totals) => this.noteTotals(totals),
        () => this.askTotals(),
      )
    })
  }

  private noteTotals(totals: Awaited<ReturnType<WaitingStore['lines']>>): void {
    this.deps.state.lines = new Map(totals.map(({ line, ...total }) => [line, total]))
  }

  private patience(): PatienceDeps {
    return { ...this.deps, name: 'store of waiting events', code: 'BINGO_WAITING_UNREACHABLE' }
  }
}
