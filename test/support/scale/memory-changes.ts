import type { ChangeLog, ChangeLogEntry, ChangeLogRecord } from '../../../src/model/state/change-log.ts'

/** A log of changes in memory, whose appends can be made to fail. */
export class MemoryChanges implements ChangeLog {
  readonly description = 'memory'
  readonly shares: string[][]
  readonly trimmed: [share: number, upTo: string][] = []
  /** Called before each append; what it throws is what the append rejects with. */
  before: () => void = () => undefined
  /** Called after it is there: its answer is lost. */
  after: () => void = () => undefined
  bytes = 1 << 20
  /** How many records of a share the log finds as its newest. */
  newest = 500

  constructor(shares: number) {
    this.shares = Array.from({ length: shares }, () => [])
  }

  async check(): Promise<void> {}

  mostBytes(): Promise<number> {
    return Promise.resolve(this.bytes)
  }

  async append(records: readonly ChangeLogRecord[]): Promise<void> {
    this.before()
    for (const { share, body } of records) this.shares[share]!.push(body)
    this.after()
  }

  async tail(): Promise<readonly ChangeLogRecord[]> {
    return this.shares.flatMap((bodies, share) => bodies.slice(-this.newest).map((body) => ({ share, body })))
  }

  async read(share: number, after: string | null): Promise<readonly ChangeLogEntry[]> {
    const from = Number(after ?? 0)
    return this.shares[share]!.slice(from).map((body, i) => ({ place: String(from + i + 1), body }))
  }

  async behind(share: number, place: string | null): Promise<number> {
    return this.shares[share]!.length - Number(place ?? 0)
  }

  async trim(share: number, upTo: string): Promise<void> {
    this.trimmed.push([share, upTo])
  }

  async close(): Promise<void> {}
}
