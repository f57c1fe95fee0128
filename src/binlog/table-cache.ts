import type { SchemaResolver } from '../core/binlog-stream.ts'
import type { Flavour, TableDef } from '../core/table.ts'
import { u48 } from './little-endian.ts'
import { corrupt } from './corrupt-event.ts'
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
}

/** Servers give a table a new id whenever it is reopened; beyond this the ids are forgotten and learnt again. */
const MOST_IDS = 16_384
const MOST_TABLES = 65_536

/**
 * TABLE_MAP events to tables. The same bytes give the same `TableDef` object, whatever the id and however often the
 * connection was lost, so that what was compiled for it stays in use.
 */
export class TableCache {
  readonly #resolver: SchemaResolver
  readonly #wants: (table: TableDef) => boolean
  readonly #byId = new Map<number, MappedTable>()
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
    const mapped = this.#byId.get(id)
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
    if (known !== null && buffer.compare(known.body, 0, known.body.length, bodyStart, end) === 0) return
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
    this.#forgetIds()
    for (const [key, mapped] of this.#byBody) if (mapped.resolved) this.#byBody.delete(key)
  }

  /** The rules changed: asks again which tables are wanted. */
  reconsider(): void {
    this.forgetResolved()
    for (const mapped of this.#byBody.values()) mapped.wanted = this.#wants(mapped.table)
  }

  #learn(id: number, key: string, body: Buffer, flavour: Flavour): void | Promise<void> {
    const { wire, full } = readTableMap(body, 0, body.length, flavour)
    if (full !== null) {
      // Servers other than MariaDB tell everything; and nobody is asked about a table that no rule names.
      const needsMore = flavour === 'mariadb' && this.#resolver.enrich !== undefined && this.#wants(full)
      const answer = needsMore ? this.#resolver.enrich!(full) : full
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
    const mapped: MappedTable = { body, table, resolved, wanted: this.#wants(table) }
    if (this.#byBody.size >= MOST_TABLES) this.#byBody.clear()
    this.#byBody.set(key, mapped)
    this.#remember(id, mapped)
  }

  #remember(id: number, mapped: MappedTable): void {
    if (this.#byId.size >= MOST_IDS) this.#forgetIds()
    this.#byId.set(id, mapped)
    this.#lastId = id
    this.#last = mapped
  }

  #forgetIds(): void {
    this.#byId.clear()
    this.#lastId = -1
    this.#last = null
  }
}

/** Id of a rows or TABLE_MAP event's table, from the first bytes of its body. */
export function tableIdAt(buffer: Buffer, bodyStart: number, end: number): number {
  if (bodyStart + TABLE_ID_BYTES > end) throw corrupt('no table id')
  return u48(buffer, bodyStart)
}
