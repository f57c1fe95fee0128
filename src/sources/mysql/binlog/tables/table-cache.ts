import type { SchemaResolver } from '../../../../model/source/binlog-stream.ts'
import type { Flavour, TableDef } from '../../../../model/table/table.ts'
import { u48 } from '../format/little-endian.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { readTableMap, TABLE_ID_BYTES, TABLE_MAP_POST_HEADER_BYTES } from './table-map.ts'

/** A table map that was met. */
export interface MappedTable {
  /** What described it: the TABLE_MAP event behind table id and flags. */
  readonly body: Buffer
  readonly table: TableDef
  /** What the resolver said went into it, beside the event. */
  readonly resolved: boolean
  /** Answer of `TransactionHandler.wants`. */
  wanted: boolean
  /** What the resolver said may no longer hold: the next TABLE_MAP asks again, rows of the last one are read as before. */
  stale: boolean
}

/** Servers give a table a new id whenever it is reopened; ids that have not been mapped for so many others are forgotten. */
const MOST_IDS = 16_384
const MOST_TABLES = 65_536
/** Of TABLE_MAP events; a wide table has some 10 kB. One event may be as large as a server likes (invariant 6). */
const MOST_BODY_BYTES = 16 * 1024 * 1024

/**
 * TABLE_MAP events to tables. The same bytes give the same `TableDef` object, whatever the id and however often the
 * connection was lost, so that what was compiled for it stays in use.
 */
export class TableCache {
  readonly #resolver: SchemaResolver
  readonly #wants: (table: TableDef) => boolean
  #byId = new Map<number, MappedTable>()
  /** Ids from before `#byId` was full: rows may still come for those that one statement mapped around that moment. */
  #olderIds = new Map<number, MappedTable>()
  #bodyBytes = 0
  readonly #byBody = new Map<string, MappedTable>()
  #lastId = -1
  #last: MappedTable | null = null

  constructor(resolver: SchemaResolver, wants: (table: TableDef) => boolean) {
    this.#resolver = resolver
    this.#wants = wants
  }

  /** The table of a rows event; null when no TABLE_MAP with this id was read. */
  get(id: number): MappedTable | null {
    if (id === this.#lastId) return this.#last
    const mapped = this.#byId.get(id) ?? this.#olderIds.get(id)
    if (mapped === undefined) return null
    this.#lastId = id
    this.#last = mapped
    return mapped
  }

  /** Takes in the body of a TABLE_MAP event. A promise comes back only where the resolver has to look something up. */
  map(buffer: Buffer, start: number, end: number, flavour: Flavour): void | Promise<void> {
    const bodyStart = start + TABLE_MAP_POST_HEADER_BYTES
    if (bodyStart > end) throw corrupt('no table')
    const id = u48(buffer, start)
    const known = this.get(id)
    if (known?.stale === false && buffer.compare(known.body, 0, known.body.length, bodyStart, end) === 0) {
      if (this.#olderIds.size > 0 && this.#olderIds.delete(id)) this.#remember(id, known)
      return
    }
    const key = buffer.toString('latin1', bodyStart, end)
    const met = this.#byBody.get(key)
    if (met !== undefined) {
      this.#remember(id, met)
      return
    }
    return this.#learn(id, key, Buffer.from(buffer.subarray(bodyStart, end)), flavour)
  }

  /** What the resolver said may no longer hold. */
  forgetResolved(): void {
    for (const ids of [this.#byId, this.#olderIds]) for (const mapped of ids.values()) mapped.stale = mapped.resolved
    for (const [key, mapped] of this.#byBody) {
      if (!mapped.resolved) continue
      this.#byBody.delete(key)
      this.#bodyBytes -= mapped.body.length
    }
  }

  /** The rules changed: asks again which tables are wanted. */
  reconsider(): void {
    this.forgetResolved()
    for (const known of [this.#byId, this.#olderIds, this.#byBody]) {
      for (const mapped of known.values()) if (!mapped.resolved) mapped.wanted = this.#wants(mapped.table)
    }
  }

  #learn(id: number, key: string, body: Buffer, flavour: Flavour): void | Promise<void> {
    const { wire, full } = readTableMap(body, 0, body.length, flavour)
    if (full !== null) {
      // Servers other than MariaDB tell everything.
      if (flavour !== 'mariadb' || this.#resolver.enrich === undefined) return this.#add(id, key, body, full, false)
      // Nobody is asked about a table that no rule names; new rules may name it, so the answer is open.
      if (!this.#wants(full)) return this.#add(id, key, body, full, true)
      const answer = this.#resolver.enrich(full)
      if (!(answer instanceof Promise)) return this.#add(id, key, body, answer, answer !== full)
      return answer.then((table) => this.#add(id, key, body, table, table !== full))
    }
    // Nobody is asked for the columns of a table that no rule names.
    const nameless: TableDef = { schema: wire.schema, name: wire.name, columns: [], key: [], flavour }
    if (!this.#wants(nameless)) return this.#add(id, key, body, nameless, true)
    const answer = this.#resolver.resolve(wire)
    if (!(answer instanceof Promise)) return this.#add(id, key, body, answer, true)
    return answer.then((table) => this.#add(id, key, body, table, true))
  }

  #add(id: number, key: string, body: Buffer, table: TableDef, resolved: boolean): void {
    const mapped: MappedTable = { body, table, resolved, wanted: this.#wants(table), stale: false }
    if (this.#byBody.size >= MOST_TABLES || this.#bodyBytes + body.length > MOST_BODY_BYTES) this.#forgetBodies()
    this.#byBody.set(key, mapped)
    this.#bodyBytes += body.length
    this.#remember(id, mapped)
  }

  #remember(id: number, mapped: MappedTable): void {
    if (this.#byId.size >= MOST_IDS) this.#ageIds()
    this.#byId.set(id, mapped)
    this.#lastId = id
    this.#last = mapped
  }

  /** Ids keep their tables alive too. */
  #forgetBodies(): void {
    this.#byBody.clear()
    this.#bodyBytes = 0
    this.#ageIds()
  }

  #ageIds(): void {
    this.#olderIds = this.#byId
    this.#byId = new Map()
  }
}

/** Id of a rows or TABLE_MAP event's table, from the first bytes of its body. */
export function tableIdAt(buffer: Buffer, bodyStart: number, end: number): number {
  if (bodyStart + TABLE_ID_BYTES > end) throw corrupt('no table id')
  return u48(buffer, bodyStart)
}
