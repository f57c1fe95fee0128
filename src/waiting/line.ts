import type { Hold, InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { StoredRecord, WaitingRecord, WaitingSeq, WaitingShape } from '../model/delivery/waiting.ts'
import type { StoredLine } from '../model/delivery/stored-lines.ts'
import type { MayMove, ReplayMark } from './replay-mark.ts'

/** Stands for every key, of which none is empty. */
const ALL = ''

export interface WaitingLineDeps {
  readonly page: (after: WaitingSeq, limit: number) => Promise<readonly StoredRecord[]>
  readonly add: (job: InFlightJob, baseMs: number) => void
  readonly hold: (record: StoredRecord, uses: number) => Hold
  readonly revise: (job: InFlightJob) => void
  /** It is being added: if the answer is lost, it is added once more, at another place. */
  readonly isWritten: (id: string) => boolean
  /** Of all lines. */
  readonly replay: ReplayMark
  /** Something that the process before has left may stand in some line. */
  readonly hasFormer: () => boolean
}

/**
 * One line of the waiting store: jobs come in at its end, records are read from its front. While it is not empty,
 * everything that is ordered behind what waits in it has to wait in it, too (invariant 2).
 */
export class WaitingLine implements StoredLine {
  readonly name: string
  /** Rules of which something may wait here. */
  readonly rules = new Set<string>()
  private readonly deps: WaitingLineDeps
  /** Jobs that are not durable yet. */
  private pending = 0
  /** Place of the last record read, and of the last one added by this process. */
  private readUpTo: WaitingSeq = 0
  private addedUpTo: WaitingSeq = 0
  /** There may be records behind `readUpTo` that this process did not add. */
  private more = false
  /** Keys with a revision that is not written yet, and how many; of all keys under `ALL`. */
  private readonly revising = new Map<string, number>()
  /** Records that were revised while somebody may have read them; null: they are gone. */
  private readonly revisedRecords = new Map<WaitingSeq, StoredRecord | null>()
  /** The records that were read last, and their places by their ids once somebody asks. */
  private inHand: readonly StoredRecord[] = []
  private inHandById: ReadonlyMap<string, WaitingSeq> | null = null
  /** Of records in hand that came again meanwhile: the place where they stand now, and that at which they were read. */
  private readonly cameAgain = new Map<WaitingSeq, WaitingSeq>()
  /** Records whose jobs have ended, and that may be in the store still. */
  private readonly ending = new Set<WaitingSeq>()
  /** Places that records came to while a page was being read; null: none is. */
  private addedMeanwhile: Map<string, WaitingSeq> | null = null
  /** How often what was read so far turned out not to be all that is ahead. */
  private backs = 0

  constructor(name: string, deps: WaitingLineDeps) {
    this.name = name
    this.deps = deps
  }

  /** Everything that was ever added has been read. */
  get empty(): boolean {
    return this.pending === 0 && !this.more && this.readUpTo >= this.addedUpTo
  }

  /** `baseMs`: what a delay counts from. */
  add(job: InFlightJob, baseMs: number): void {
    this.pending += 1
    this.rules.add(job.action.rule.id)
    this.deps.add(job, baseMs)
  }

  /** Records of the job's key are revised by it, but for those that are added after this call. */
  revise(job: InFlightJob): void {
    const key = revisedKey(job)
    this.revising.set(key, (this.revising.get(key) ?? 0) + 1)
    this.deps.revise(job)
  }

  isRevising(rowKey: string): boolean {
    return this.revising.size > 0 && (this.revising.has(rowKey) || this.revising.has(ALL))
  }

  asItIs(record: StoredRecord): StoredRecord | null {
    if (this.ending.has(record.seq)) return null
    const now = this.revisedRecords.get(record.seq)
    return now === undefined ? record : now
  }

  /** What was made of the record has ended, and it will be removed: whoever reads it meanwhile is not to make it again. */
  ended(seq: WaitingSeq): void {
    this.ending.add(seq)
  }

  /** It is removed. Who is reading now may have read it before. */
  removed(seq: WaitingSeq): void {
    this.ending.delete(seq)
    if (this.addedMeanwhile !== null || this.inHand.length > 0) this.revisedRecords.set(seq, null)
  }

  /** Revisions are written: of these records some are gone, and others are changed. */
  became(gone: readonly WaitingSeq[], changed: readonly StoredRecord[]): void {
    for (const record of changed) {
      this.revisedRecords.set(record.seq, record)
      const inHand = this.cameAgain.get(record.seq)
      if (inHand !== undefined) this.revisedRecords.set(inHand, { ...record, seq: inHand })
    }
    for (const seq of gone) {
      this.revisedRecords.set(seq, null)
      const inHand = this.cameAgain.get(seq)
      if (inHand !== undefined) this.revisedRecords.set(inHand, null)
    }
  }

  /** Everything that the job revises is written. */
  revised(job: InFlightJob): void {
    const key = revisedKey(job)
    const left = (this.revising.get(key) ?? 1) - 1
    if (left > 0) this.revising.set(key, left)
    else this.revising.delete(key)
  }

  get isReplaying(): boolean {
    return this.deps.hasFormer() && this.deps.replay.isReplaying
  }

  /** Something that the process before has left may stand here. */
  get hasFormer(): boolean {
    return this.more && this.deps.replay.isFormer(this.readUpTo + 1)
  }

  /** A job was cancelled before it was written. */
  dropped(): void {
    this.pending -= 1
  }

  /** The next records. Each has to be given an end: by a hold, or by `back`. One call at a time. */
  async next(limit: number): Promise<readonly StoredRecord[]> {
    const { addedUpTo, backs } = this
    this.revisedRecords.clear()
    this.cameAgain.clear()
    const mayMove = this.deps.replay.mayMove()
    const meanwhile = (this.addedMeanwhile = new Map<string, WaitingSeq>())
    const page = await this.deps.page(this.readUpTo, limit)
    this.addedMeanwhile = null
    // What was read went back meanwhile: it comes first.
    if (backs !== this.backs) return []
    const records = this.answered(page, mayMove)
    this.inHand = records
    this.inHandById = null
    for (const [id, seq] of meanwhile) this.moved(id, seq)
    this.readUpTo = records.at(-1)?.seq ?? this.readUpTo
    if (page.length < limit && records.length === page.length) {
      this.more = false
      // Whatever stood in between was removed, or moved to another line.
      if (addedUpTo === this.addedUpTo) this.readUpTo = Math.max(this.readUpTo, addedUpTo)
      if (this.empty) this.rules.clear()
    }
    return records
  }

  /**
   * What the process before has left may come again, and moves to the end then, of this line or another: part of it may have,
   * and would be overtaken by what is still ahead here. So that waits until it has come again, or will not any more
   * (invariant 2).
   */
  private answered(page: readonly StoredRecord[], mayMove: MayMove): readonly StoredRecord[] {
    const place = page.findIndex((record) => this.deps.isWritten(record.id) || mayMove(record))
    return place < 0 ? page : page.slice(0, place)
  }

  /** This record and all behind it are read again. */
  back({ seq }: Pick<StoredRecord, 'seq'>): void {
    this.readUpTo = Math.min(this.readUpTo, seq - 1)
    this.more = true
    this.backs += 1
  }

  /** What keeps the record in its place until `uses` jobs made of it have ended. */
  hold(record: StoredRecord, uses: number): Hold {
    return this.deps.hold(record, uses)
  }

  /** The store had records of this line when it was opened. */
  found(shapes: readonly WaitingShape[]): void {
    this.more = true
    for (const { ruleId } of shapes) this.rules.add(ruleId)
  }

  added({ id, shape }: WaitingRecord, seq: WaitingSeq | null): void {
    this.pending -= 1
    if (seq === null) {
      // Unless the answer of a first call was lost, which had put it here.
      this.more = true
      this.backs += 1
      return
    }
    this.addedMeanwhile?.set(id, seq)
    this.moved(id, seq)
    this.rules.add(shape.ruleId)
    this.addedUpTo = Math.max(this.addedUpTo, seq)
    this.deps.replay.placed(seq)
  }

  /**
   * After a crash it came again: what is in hand is sent all the same, since what was read behind it may come again later,
   * and would overtake it. Revisions find it at its new place.
   */
  private moved(id: string, seq: WaitingSeq): void {
    if (this.inHand.length === 0) return
    this.inHandById ??= new Map(this.inHand.map((record) => [record.id, record.seq]))
    const before = this.inHandById.get(id)
    if (before !== undefined && before < seq) this.cameAgain.set(seq, before)
  }
}

/** A statement revises records of all keys. */
function revisedKey({ key, change }: InFlightJob): string {
  return change.table.columns.length === 0 ? ALL : key
}
