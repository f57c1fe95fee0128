import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import { Utf8Bytes, contentLength, writeContent } from '../../model/event/bytes/content.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import type { Change, Transaction } from '../../model/event/change.ts'
import { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Hold } from '../../model/delivery/in-flight-job.ts'
import type { RowsBlock } from '../../model/source/binlog-stream.ts'
import { LINES_LANE, RowRun, RunRows } from '../../model/delivery/row-run.ts'
import type { ChangeOfImage } from '../../model/delivery/row-run.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { RowGatherer } from '../../match/program/match-sink.ts'
import { JOB_BYTES } from './lane-jobs.ts'
import { SharedArena } from './shared-arena.ts'

/** What the rows of a run hold of the budget: they are charged when it is complete. */
const MOST_BYTES = 128 * 1024
const NEWLINE = 10

export interface RowRunsDeps {
  readonly newHold: () => Hold
  /** Takes the rows that were gathered. */
  readonly take: (run: InFlightJob) => void
}

/**
 * Gathers the rows of actions that go to targets which take lines: rows of one action that follow one another are one job,
 * with one entry in every queue. A run is complete when something else comes for its target, when its buffers are full, and
 * when its transaction is.
 */
export class RowRuns {
  private readonly deps: RowRunsDeps
  private readonly byTarget = new Map<string, TargetRun>()
  /** Runs that are not complete. */
  private open = 0

  constructor(deps: RowRunsDeps) {
    this.deps = deps
  }

  gatherer(action: ActionPlan, changeOf: ChangeOfImage): RowGatherer {
    const { id } = action.target
    let run = this.byTarget.get(id)
    if (run === undefined) {
      const opened = (by: 1 | -1): void => void (this.open += by)
      this.byTarget.set(id, (run = new TargetRun({ ...this.deps, opened })))
    }
    return new Gatherer(action, changeOf, run)
  }

  /** Something else is about to go to this target. */
  completeFor({ id }: TargetConfig): void {
    if (this.open > 0) this.byTarget.get(id)?.complete()
  }

  complete(): void {
    if (this.open > 0) for (const run of this.byTarget.values()) run.complete()
  }

  /** Copies the images that lie in the buffer of the source. */
  keepImages(): void {
    if (this.open > 0) for (const run of this.byTarget.values()) run.keepImages()
  }
}

/** Whether what the action sends for a row hangs together with nothing but its place among the others of its target. */
export function isGathered(action: ActionPlan): boolean {
  const { rule, target, ratePerSecond, lookups, bindPreviousKey } = action
  if (!target.takesLines || target.ratePerSecond !== undefined || ratePerSecond !== null) return false
  if (rule.actions.length > 1 || rule.key !== null || rule.debounce !== null || rule.delayMs > 0) return false
  return !(rule.threshold ?? rule.cancelOn ?? rule.recheck ?? lookups ?? bindPreviousKey)
}

class Gatherer implements RowGatherer {
  readonly action: ActionPlan
  readonly changeOf: ChangeOfImage
  private readonly run: TargetRun

  constructor(action: ActionPlan, changeOf: ChangeOfImage, run: TargetRun) {
    this.action = action
    this.changeOf = changeOf
    this.run = run
  }

  get arena(): ByteArena {
    return this.run.lines.arena
  }

  add(content: Content, change: Change, block: RowsBlock, start: number, end: number, heldBytes: number): void {
    this.run.add(this, content, change, block, start, end, heldBytes)
  }
}

/** What the rows of a run have in common. */
interface OpenRun {
  readonly of: Gatherer
  readonly transaction: Transaction
  readonly query: string | null
  readonly rows: RunRows
  readonly lines: Buffer
  readonly linesStart: number
  readonly images: Buffer
  readonly letGo: () => void
}

/** The rows that are being gathered for one target. */
class TargetRun {
  readonly lines = new SharedArena()
  private readonly images = new SharedArena()
  private readonly deps: RowRunsDeps & { readonly opened: (by: 1 | -1) => void }
  private run: OpenRun | null = null
  private bytes = 0
  /** Images that follow one another are copied together, to where the arena ends: these are not yet. */
  private source: Buffer | null = null
  private from = 0
  private to = 0

  constructor(deps: TargetRun['deps']) {
    this.deps = deps
  }

  add(
    of: Gatherer,
    content: Content,
    change: Change,
    block: RowsBlock,
    start: number,
    end: number,
    heldBytes: number,
  ): void {
    const lines = this.lines.arena
    const lineStart = placeLine(lines, content)
    const imageStart = this.placeImage(block, start, end)
    let { run } = this
    if (run === null || !this.goesOn(run, of, change)) run = this.begin(of, change, lineStart)
    const { rows } = run
    const bytes = JOB_BYTES + heldBytes + lines.at - 1 - lineStart
    rows.seqs.push(change.seq)
    rows.imageStarts.push(imageStart)
    rows.imageEnds.push(imageStart + end - start)
    rows.lineEnds.push(lines.at - 1)
    rows.bytes.push(bytes)
    this.bytes += bytes
    if (this.bytes >= MOST_BYTES) this.complete()
  }

  complete(): void {
    const { run } = this
    if (run === null) return
    this.keepImages()
    const { bytes } = this
    this.run = null
    this.bytes = 0
    this.deps.opened(-1)
    this.deps.take(jobOf(run, bytes, this.deps.newHold()))
  }

  keepImages(): void {
    const { source, from, to } = this
    if (source === null) return
    const { arena } = this.images
    source.copy(arena.buffer, arena.at, from, to)
    arena.at += to - from
    this.source = null
  }

  /** Where the image will lie. */
  private placeImage({ buffer, end: blockEnd }: RowsBlock, start: number, end: number): number {
    const { arena } = this.images
    if (this.source === null || start !== this.to) {
      this.keepImages()
      arena.at = arena.reserve(arena.at, blockEnd - start)
      this.source = buffer
      this.from = start
    }
    this.to = end
    return arena.at + start - this.from
  }

  private goesOn({ of, transaction, query, lines, images }: OpenRun, by: Gatherer, change: Change): boolean {
    return (
      of === by &&
      transaction === change.transaction &&
      query === change.query &&
      lines === this.lines.arena.buffer &&
      images === this.images.arena.buffer
    )
  }

  private begin(of: Gatherer, { transaction, query }: Change, linesStart: number): OpenRun {
    this.complete()
    const letGoOf = [this.lines.hold(), this.images.hold()]
    this.deps.opened(1)
    this.run = {
      of,
      transaction,
      query,
      rows: new RunRows(),
      lines: this.lines.arena.buffer,
      linesStart,
      images: this.images.arena.buffer,
      letGo: () => letGoOf.forEach((letGo) => letGo()),
    }
    return this.run
  }
}

/** Puts the line at the end of the arena, with a newline behind it; answers where it begins. */
function placeLine(lines: ByteArena, content: Content): number {
  const isThere = typeof content !== 'string' && content.buffer === lines.buffer && content.end === lines.at
  if (isThere && content.end < lines.buffer.length) {
    lines.buffer[lines.at] = NEWLINE
    lines.at += 1
    return content.start
  }
  const length = contentLength(content)
  const at = lines.reserve(lines.at, length + 1)
  writeContent(content, lines.buffer, at)
  lines.buffer[at + length] = NEWLINE
  lines.at = at + length + 1
  return at
}

/** One row is a job as others are, which may be kept for longer than its buffers. */
function jobOf({ of, transaction, query, rows, ...run }: OpenRun, bytes: number, hold: Hold): InFlightJob {
  const { action, changeOf } = of
  const lines = new Utf8Bytes(run.lines, run.linesStart, rows.lineEnds.at(-1)!)
  if (rows.seqs.length > 1) {
    return new RowRun(
      { action, transaction, query, rows, images: run.images, lines, changeOf, letGo: run.letGo },
      bytes,
      hold,
    )
  }
  const change = changeOf(run.images, rows.imageStarts[0]!, rows.imageEnds[0]!, transaction, rows.seqs[0]!, query)
  return new InFlightJob(action, change, lines, LINES_LANE, bytes, hold, null)
}
