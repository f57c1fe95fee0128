import { randomInt } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { WrittenLog } from '../../clients/sqlite/durable.ts'
import { lockSqlite, openSqlite, versionOf } from '../../clients/sqlite/sqlite.ts'
import { decodeEnvelope } from '../../model/event/forms/event-codec.ts'
import type { EventProgress } from '../../model/event/posted/event-record.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import type { ProgressUpdate } from '../../model/state/event-provider.ts'
import { newEntry } from '../posting.ts'
import type { Head, Insert, Kept, Write } from '../posting.ts'
import { advance, firstProgress, freshProgress, knownProgress, readProgress } from '../progress.ts'
import { RecentEntries } from '../recent-entries.ts'
import { CheckpointSize } from './checkpoint-size.ts'
import { fileLocked, foreignFile } from './errors.ts'
import { FreshEvents } from './fresh-events.ts'
import { Groups } from './groups.ts'
import { EVENTS_FORMAT } from './schema.ts'
import { PAGE, prepare, type Statements } from './statements.ts'

export interface KeptRow {
  readonly seq: number
  readonly place: number
  readonly createdAt: number
  readonly envelope: Uint8Array
  readonly data: string | null
}

export function keptOf({ seq, place, createdAt, envelope, data }: KeptRow): Kept {
  const event = decodeEnvelope(envelope)
  return { seq, place, bytes: envelope.byteLength, event, progress: readProgress(data, createdAt, event.id) }
}

/** The open file. Whatever changes it is called in a transaction, which `finish` ends. */
export class EventTables {
  readonly database: DatabaseSync
  readonly groups: Groups
  readonly head: Head & { trimmed: number }
  /** Beside the file, which stays readable for others. */
  readonly #lock: DatabaseSync
  readonly #statements: Statements
  readonly #disk: WrittenLog | null
  readonly #checkpoints: CheckpointSize
  readonly #recent = new RecentEntries()
  readonly #fresh = new FreshEvents()
  /** The newest place that is on disk: what follows may not be read yet. */
  synced: number
  /** A sync failed: what was written before is on disk, or not. */
  #isInDoubt = false

  /** Throws BINGO_LOG_LOCKED, BINGO_LOG_CORRUPT, or SQLite's own error. */
  constructor(path: string, log: string) {
    const lock = lockSqlite(`${path}-lock`)
    if (lock === null) throw fileLocked(log)
    this.#lock = lock
    try {
      this.database = openSqlite(path, EVENTS_FORMAT)
      if (!isOurs(this.database)) throw foreignFile(log)
      this.#statements = prepare(this.database)
      this.groups = new Groups(this.database, () => this.head.trimmed)
      this.head = this.#statements.head.get() as unknown as Head & { trimmed: number }
      this.#disk = WrittenLog.of(this.database)
      this.#checkpoints = new CheckpointSize(this.database)
      this.synced = this.head.place
    } catch (error) {
      lock.close()
      throw error
    }
  }

  find(name: string): Kept | undefined {
    const row = this.#statements.find.get(name)
    return row === undefined ? undefined : keptOf(row as unknown as KeptRow)
  }

  /** Without the event itself, which takes longer to read. */
  progressOf(name: string): Pick<Kept, 'seq' | 'progress'> | undefined {
    const row = this.#statements.progressOf.get(name) as unknown as Omit<KeptRow, 'envelope'> | undefined
    return row && { seq: row.seq, progress: knownProgress(row.data, row.createdAt) }
  }

  /** False: its name is taken. `finish` puts it into the log. */
  insert(insert: Insert, now: number): boolean {
    const { name, kept, payload } = insert
    const { seq, place, event } = kept
    const { environment, type, source, key, userId, accountId, isTest } = event
    const { changes } = this.#statements.insert.run(
      seq,
      name,
      place,
      now,
      environment,
      type,
      source,
      key,
      userId,
      accountId,
      isTest ? 1 : 0,
      payload,
    )
    if (changes === 0) return false
    if (place === 0) this.#statements.schedule.run(event.deliverAt, seq)
    else {
      this.#fresh.add(name, { seq, createdAt: now })
      this.#recent.add(newEntry(insert, place, now))
    }
    return true
  }

  write(write: Write, now: number): void {
    if (write.tag === 'insert') {
      this.insert(write, now)
      return
    }
    const { seq, place, event, progress } = write.kept
    const { type, source, key, userId, accountId, isTest } = event
    this.#statements.unschedule.run(write.before.event.deliverAt, seq)
    this.#statements.update.run(place, type, source, key, userId, accountId, isTest ? 1 : 0, write.payload, seq)
    this.saveProgress(seq, progress)
    if (place > 0) this.#statements.append.run(place, seq, now)
    else this.#statements.schedule.run(event.deliverAt, seq)
  }

  /** Gives it the next place in the log. */
  append(seq: number, now: number): void {
    this.head.place += 1
    this.#statements.append.run(this.head.place, seq, now)
    this.#statements.place.run(this.head.place, seq)
  }

  saveProgress(seq: number, progress: EventProgress): void {
    this.#statements.progress.run(seq, progress.status, JSON.stringify(progress))
  }

  /** False: there is some already, or no such event. In one look at the file at most. */
  saveFirstProgress(name: string, update: ProgressUpdate): boolean {
    const fresh = this.#fresh.take(name)
    if (fresh !== undefined) {
      const progress = advance(freshProgress(fresh.createdAt), update)
      return this.#statements.newProgress.run(fresh.seq, progress.status, JSON.stringify(progress)).changes !== 0
    }
    const { status, updatedAt, rest } = firstProgress([update])
    return this.#statements.firstProgress.run(status, updatedAt, rest, name).changes !== 0
  }

  unschedule(dueAt: number | null, seq: number): void {
    this.#statements.unschedule.run(dueAt, seq)
  }

  due(now: number, limit: number): { readonly dueAt: number; readonly event: number }[] {
    return this.#statements.due.all(now, limit) as unknown as { dueAt: number; event: number }[]
  }

  nextDueAt(): number | null {
    return this.#statements.nextDue.get()!['at'] as number | null
  }

  /** Tells this file, and copies of it, from all others. */
  identity(): number {
    const known = this.database.prepare('PRAGMA application_id').get()!['application_id'] as number
    if (known !== 0) return known
    const identity = randomInt(1, 2 ** 31)
    this.database.exec(`PRAGMA synchronous = FULL; PRAGMA application_id = ${identity}`)
    if (this.#disk !== null) this.database.exec('PRAGMA synchronous = NORMAL')
    return identity
  }

  /** Some entries behind this place, of those that are on disk. */
  page(after: number): readonly LogEntry[] {
    return this.unread(after).map(withEvent)
  }

  /** The same for whoever passes them on: events that are here as bytes are not read. */
  unread(after: number): readonly LogEntry[] {
    if (after >= this.synced) return []
    const recent = this.#recent.behind(Math.max(after, this.head.trimmed), this.synced, PAGE)
    return recent ?? this.#pageOfFile(after)
  }

  /** The reader has the entries up to this place, and continues behind them. */
  hasRead(upTo: number): void {
    this.#recent.forget(upTo)
  }

  #pageOfFile(after: number): LogEntry[] {
    return this.#statements.page.all(after, this.synced).map((row) => {
      const { place, type, key, source, appendedAt, envelope } = row as unknown as LogRow
      const event = decodeEnvelope(envelope)
      const { id, timestamp } = event
      return { id, type, key, source, payload: envelope, event, at: timestamp, place: String(place), appendedAt }
    })
  }

  /** Removes entries up to this place. */
  trim(upTo: number): number {
    const count = Number(this.database.prepare('DELETE FROM log WHERE place <= ?').run(upTo).changes)
    this.head.trimmed = Math.max(this.head.trimmed, Math.min(upTo, this.head.place))
    return count
  }

  /** A transaction was not written: everything is as it was before it. */
  undo(before: Head & { trimmed: number }): void {
    Object.assign(this.head, before)
    this.#recent.takeBack(before.place)
    this.#fresh.clear()
    this.groups.reload()
  }

  /** Of a transaction, before which `newest` was the newest event: new ones enter the log together. */
  finish(newest: number): void {
    const { seq, place, trimmed, count, bytes } = this.head
    if (seq > newest) {
      this.#statements.appendNew.run(newest)
      this.#checkpoints.writes(seq - newest)
    }
    this.#statements.saveHead.run(seq, place, trimmed, count, bytes)
  }

  /** Resolves when everything that was written before is on disk. Waited for beside the event loop. */
  async sync(): Promise<void> {
    const { place } = this.head
    try {
      await this.#disk?.sync()
    } catch (error) {
      this.#isInDoubt = true
      throw error
    }
    this.synced = place
  }

  /** After a sync that failed: the system may call the next one good without having written what it lost. */
  mend(): void {
    if (!this.#isInDoubt) return
    this.#disk!.moveIntoFile()
    this.synced = this.head.place
    this.#isInDoubt = false
  }

  close(): void {
    this.#disk?.close()
    this.database.close()
    this.#lock.close()
  }
}

function withEvent(entry: LogEntry): LogEntry {
  return entry.event === undefined ? { ...entry, event: decodeEnvelope(entry.payload) } : entry
}

interface LogRow {
  readonly place: number
  readonly type: string
  readonly key: string | null
  readonly source: string
  readonly appendedAt: number
  readonly envelope: Uint8Array
}

/** A file of the same version, but with other tables, was made by something else. */
function isOurs(database: DatabaseSync): boolean {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'head' AND type = 'table'").get()
  return table !== undefined && versionOf(database) === EVENTS_FORMAT.version
}
