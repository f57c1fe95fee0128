import { tuples, type SqlSession, type SqlValue } from '../../../clients/sql/session.ts'
import type { WaitingRecord, WaitingSeq } from '../../../model/delivery/waiting.ts'
import { chunksOf, hashOf } from '../../sql/texts.ts'
import { AT_ONCE, COLUMNS, dropPlaces, newRow, standing, type NewRow, type Standing } from './rows.ts'
import { addShapes, LineChanges } from './lines.ts'
import { idsBehind } from '../texts.ts'

/** A record that stands in the table, or is on its way into it. */
interface Entry extends Standing {
  readonly row: NewRow | null
}

/**
 * One call of `add`, in a transaction that has the instance for itself: what stands there is read, what comes is put into
 * order in memory, as if one record came after the other, and what differs is written.
 */
export class Addition {
  readonly #session: SqlSession
  readonly #instance: number
  readonly #byId = new Map<string, Entry>()
  readonly #bySeq = new Map<WaitingSeq, Entry>()
  readonly #changes = new LineChanges()
  readonly #dropped: number[] = []

  constructor(session: SqlSession, instance: number) {
    this.#session = session
    this.#instance = instance
  }

  async add(records: readonly WaitingRecord[], isMysql: boolean): Promise<readonly (WaitingSeq | null)[]> {
    const [session, instance] = [this.#session, this.#instance]
    const rows = records.map(newRow)
    let seq = await nextSeq(session, instance, records.length)
    await this.#look(records, rows)
    const places = records.map((record, i) => (this.#take(record, rows[i]!, seq + 1) ? ++seq : null))
    await dropPlaces(session, instance, this.#dropped)
    const added = [...this.#byId.values()].filter(({ row }) => row !== null)
    await addShapes(
      session,
      instance,
      added.map(({ row }) => row!),
      isMysql,
    )
    for (const some of chunksOf(added, AT_ONCE, ({ row }) => row!.length)) {
      const values = some.flatMap(({ seq: at, row }): readonly SqlValue[] => [instance, at, ...row!.values])
      await session.run(`INSERT INTO bingo_waiting (${COLUMNS}) VALUES ${tuples(some.length, 12)}`, values)
    }
    await this.#changes.write(session, instance, isMysql)
    return places
  }

  /** Reads what stands under the ids that come, and, of those, under the ids that leave with them. */
  async #look(records: readonly WaitingRecord[], rows: readonly NewRow[]): Promise<void> {
    const read = async (column: 'id_hash' | 'seq', values: readonly SqlValue[]): Promise<void> => {
      if (values.length === 0) return
      for (const found of await standing(this.#session, this.#instance, column, values)) {
        if (this.#bySeq.has(found.seq)) continue
        const entry = { ...found, row: null }
        this.#byId.set(entry.idHash, entry)
        this.#bySeq.set(entry.seq, entry)
      }
    }
    await read(
      'id_hash',
      rows.map(({ idHash }) => idHash),
    )
    await read(
      'seq',
      records.flatMap(({ from }) => from ?? []),
    )
    const seen = new Set<string>()
    const again = records.filter((_, i) => {
      const { idHash } = rows[i]!
      const isAgain = this.#byId.has(idHash) || seen.has(idHash)
      seen.add(idHash)
      return isAgain
    })
    await read('id_hash', again.flatMap(idsBehind).map(hashOf))
  }

  /** False: nothing stands any more where it came from. */
  #take(record: WaitingRecord, row: NewRow, seq: WaitingSeq): boolean {
    if (record.from !== undefined && !this.#bySeq.has(record.from)) return false
    if (this.#drop(row.idHash)) for (const id of idsBehind(record)) this.#drop(hashOf(id))
    const { idHash, line, lineName, bytes } = row
    const entry = { seq, idHash, line, bytes, row }
    this.#byId.set(idHash, entry)
    this.#bySeq.set(seq, entry)
    this.#changes.add(line, 1, bytes, lineName)
    return true
  }

  #drop(idHash: string): boolean {
    const entry = this.#byId.get(idHash)
    if (entry === undefined) return false
    this.#byId.delete(idHash)
    this.#bySeq.delete(entry.seq)
    this.#changes.add(entry.line, -1, -entry.bytes)
    if (entry.row === null) this.#dropped.push(entry.seq)
    return true
  }
}

/** The place before the first of `count` new ones, which nobody else is given. */
async function nextSeq(session: SqlSession, instance: number, count: number): Promise<number> {
  await session.run('UPDATE bingo_instances SET waiting_seq = waiting_seq + ? WHERE id = ?', [count, instance])
  const { rows } = await session.run('SELECT waiting_seq FROM bingo_instances WHERE id = ?', [instance])
  return Number(rows[0]!['waiting_seq']) - count
}
