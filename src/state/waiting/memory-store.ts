import { idsBehind, ShapeReader, shapeText } from './texts.ts'
import type {
  LineTotals,
  StoredRecord,
  WaitingRecord,
  WaitingSeq,
  WaitingShape,
  WaitingStore,
} from '../../model/delivery/waiting.ts'

/** Waiting events that end with the process: for tests, `tail` and trying things out. */
export class MemoryWaitingStore implements WaitingStore {
  readonly description = 'memory'
  readonly #byId = new Map<string, StoredRecord>()
  readonly #bySeq = new Map<WaitingSeq, StoredRecord>()
  readonly #shapes = new ShapeReader('memory')
  #lastSeq = 0

  async add(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]> {
    return records.map((given) => {
      const { from, ...record } = given
      if (from !== undefined && !this.#bySeq.has(from)) return null
      if (this.#drop(record.id)) for (const id of idsBehind(given)) this.#drop(id)
      const shape = this.#shapes.read(shapeText(record.shape))
      const stored = { ...record, shape, seq: ++this.#lastSeq, bytes: Buffer.byteLength(record.event) }
      this.#byId.set(record.id, stored)
      this.#bySeq.set(stored.seq, stored)
      return stored.seq
    })
  }

  #drop(id: string): boolean {
    const before = this.#byId.get(id)
    if (before === undefined) return false
    this.#byId.delete(id)
    this.#bySeq.delete(before.seq)
    return true
  }

  async remove(places: readonly WaitingSeq[]): Promise<void> {
    for (const seq of places) {
      const stored = this.#bySeq.get(seq)
      if (stored === undefined) continue
      this.#bySeq.delete(seq)
      this.#byId.delete(stored.id)
    }
  }

  async replace(records: readonly StoredRecord[]): Promise<void> {
    for (const { seq, shape, rowKey, event } of records) {
      const before = this.#bySeq.get(seq)
      if (before === undefined) continue
      const read = this.#shapes.read(shapeText(shape))
      const stored = { ...before, shape: read, rowKey, event, bytes: Buffer.byteLength(event) }
      this.#byId.set(stored.id, stored)
      this.#bySeq.set(seq, stored)
    }
  }

  async page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]> {
    const found: StoredRecord[] = []
    for (const record of this.#bySeq.values()) {
      if (found.length === limit) break
      if (record.line === line && record.seq > after) found.push(record)
    }
    return found
  }

  async ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]> {
    return [...this.#bySeq.values()].filter((record) => record.line === line && record.rowKey === rowKey)
  }

  async lines(): Promise<readonly LineTotals[]> {
    return [...Map.groupBy(this.#bySeq.values(), ({ line }) => line)].map(([line, records]) => ({
      line,
      count: records.length,
      bytes: records.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestMs: records[0]!.baseMs,
      shapes: [...new Set(records.map(({ shape }): WaitingShape => shape))],
    }))
  }

  async close(): Promise<void> {
    this.#byId.clear()
    this.#bySeq.clear()
  }
}
